import ArgumentParser
import Foundation
import ParityProtocol
import Testing

@testable import ParityCLI

@Suite struct CLIContextTests {
    /// Rules, a path, and whether it stays out. What Docker 20.10 and 28 do with them.
    private static let rules: [(rules: String, path: String, isExcluded: Bool)] = [
        ("a", "a", true), ("a", "b", false), ("a", "a/b/c", true), ("a", "x/a", false), ("/a", "a", true),
        ("a/", "a/b", true), ("*.log", "x.log", true), ("*.log", "d/x.log", false), ("**/*.log", "d/e/x.log", true),
        ("**/*.log", "x.log", true), ("**", "a/b", true), ("a/**", "a/b/c", true), ("a/**", "a", false),
        ("**/a", "x/y/a/z", true), ("a?c", "abc", true), ("a?c", "a/c", false), ("[a-c].txt", "b.txt", true),
        ("[^a-c].txt", "b.txt", false), ("[^a-c].txt", "d.txt", true), ("\\*", "*", true), ("\\*", "a", false),
        ("# a\n\n  b  ", "b", true), ("#a", "#a", false), ("./a/../b", "b", true), ("*", "any", true),
        ("*\n!keep", "keep", false), ("*\n!keep", "keep/this", false), ("*\n!a/b", "a/b", false),
        ("*\n!a/b", "a/c", true), ("!a\na", "a", true), ("a\n!a/b\na/b/c", "a/b/c", true), ("a*b*c", "aXbYc", true),
        ("d/*/f", "d/e/f", true), ("d/*/f", "d/e/g/f", false), ("d/**/f", "d/e/g/f", true), ("d/**/f", "d/f", true),
        (".", "a", false), ("a\n! a", "a", false),
    ]

    @Test(arguments: rules.indices)
    func `.dockerignore is read as Docker reads it`(index: Int) throws {
        let (rules, path, isExcluded) = Self.rules[index]
        #expect(try DockerIgnore(rules).excludes(path) == isExcluded, "\(rules) for \(path)")
    }

    @Test(arguments: ["!", "a\n!  \n", "[a", "[]a]", "a\\"])
    func `a rule that Docker refuses is refused`(rules: String) throws {
        #expect(throws: CommandFailure.self) { try DockerIgnore(rules) }
    }

    private func write(_ files: [String: String], to folder: String) throws {
        for (path, content) in files {
            let full = "\(folder)/\(path)"
            try FileManager.default.createDirectory(
                atPath: String(full[..<(full.lastIndex(of: "/") ?? full.startIndex)]),
                withIntermediateDirectories: true)
            try Data(content.utf8).write(to: URL(filePath: full))
        }
    }

    private func names(_ archive: LocalFile) throws -> [String] {
        var parser = TarParser()
        return try parser.feed(try LocalFile.contents(archive.path)).compactMap { event in
            guard case .entry(let entry) = event else { return nil }
            return String(decoding: entry.path, as: UTF8.self)
        }
    }

    @Test func `equal folders make equal archives, whatever their times, owners and order`() async throws {
        try await TemporaryFolder.with { first in
            try await TemporaryFolder.with { second in
                let files = ["b": "1", "a/x": "2", "a.txt": "3", "a/y/z": "4"]
                try write(files, to: first.path)
                for (path, content) in files.sorted(by: { $0.key > $1.key }) {
                    try write([path: content], to: second.path)
                }
                for folder in [first.path, second.path] {
                    try FileManager.default.createSymbolicLink(
                        atPath: "\(folder)/link", withDestinationPath: "a/x")
                }
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSince1970: 5), .posixPermissions: 0o600],
                    ofItemAtPath: "\(second.path)/b")
                let one = try FolderArchive(first.path).write()
                let two = try FolderArchive(second.path).write()
                #expect(one.file.digest == two.file.digest)
                #expect(try names(one.file) == ["a/", "a.txt", "a/x", "a/y/", "a/y/z", "b", "link"])
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o755], ofItemAtPath: "\(second.path)/b")
                #expect(try FolderArchive(second.path).write().file.digest != one.file.digest, "it may be run now")
            }
        }
    }

    @Test func `a scratch file goes with its last user`() throws {
        let path = try ScratchFile().path
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `what no archive can hold is refused by its name`() async throws {
        try await TemporaryFolder.with { folder in
            mkfifo("\(folder.path)/pipe", 0o600)
            let error = #expect(throws: CommandFailure.self) { try FolderArchive(folder.path) }
            #expect(error?.description.contains("pipe") == true)
        }
    }

    @Test func `--dockerfile sends what .dockerignore leaves, the Dockerfile always`() async throws {
        try await TemporaryFolder.with { folder in
            try write(
                [
                    "Dockerfile": "FROM scratch", "src/main.c": "x", "src/secret.key": "y", "keep/a": "z",
                    ".dockerignore": "*\n!src\n**/*.key\n",
                ], to: folder.path)
            let context = try ContextArchive(folder.path, arguments: ["A": "b"])
            #expect(try names(context.file) == [".dockerignore", "Dockerfile", "src/", "src/main.c"])
            #expect(context.recipe == BuildRecipe(context: context.file.digest, arguments: ["A": "b"]))
            let named = try ContextArchive("\(folder.path)/Dockerfile", arguments: [:])
            #expect(named.recipe.context == context.recipe.context)
            #expect(throws: CommandFailure.self) { try ContextArchive("\(folder.path)/src", arguments: [:]) }
        }
    }

    @Test func `a Dockerfile's own rules come before the folder's`() async throws {
        try await TemporaryFolder.with { folder in
            try write(
                [
                    "x.Dockerfile": "FROM scratch", "a": "", "b": "", ".dockerignore": "a",
                    "x.Dockerfile.dockerignore": "b",
                ], to: folder.path)
            let context = try ContextArchive("\(folder.path)/x.Dockerfile", arguments: [:])
            #expect(context.recipe.path == "x.Dockerfile")
            #expect(
                try names(context.file) == [".dockerignore", "a", "x.Dockerfile", "x.Dockerfile.dockerignore"])
        }
    }

    @Test func `a spec file names a folder, flags add arguments`() async throws {
        try await TemporaryFolder.with { folder in
            try write(["ctx/sub/Dockerfile": "FROM scratch", "ctx/file": "1"], to: folder.path)
            let document: JSONValue = [
                "schema": .string(TaskSpec.schema), "reward": 1,
                "environment": [
                    "dockerfile": ["folder": "ctx", "path": "sub/Dockerfile", "args": ["A": "1", "B": "2"]]
                ],
            ]
            let options = try SpecOptions.parse(["--build-arg", "B=3"])
            let submission = try await SpecBuilder.build(
                document: document, folder: folder.path, options: options, command: ["x"])
            let recipe = submission.spec["environment"]?["dockerfile"]
            #expect(recipe?["path"]?.string == "sub/Dockerfile")
            #expect(recipe?["args"] == ["A": "1", "B": "3"])
            #expect(recipe?["context"]?.string == submission.uploads.first.map { "\($0.digest)" })
            #expect(try names(submission.uploads[0]) == ["file", "sub/", "sub/Dockerfile"])
        }
    }

    @Test func `a spec's Dockerfile environment is checked field by field`() throws {
        let digest = "\(Digest.sha256(of: []))"
        func faults(_ dockerfile: JSONValue) -> [String] {
            let spec: JSONValue = [
                "schema": .string(TaskSpec.schema), "reward": 1, "environment": ["dockerfile": dockerfile],
            ]
            do {
                _ = try TaskSpec(parsing: spec)
                return []
            } catch {
                return error.faults.map(\.pointer)
            }
        }
        #expect(faults(["context": .string(digest)]) == [])
        #expect(faults(["context": .string(digest), "path": "a/b", "args": ["A": ""]]) == [])
        #expect(faults([:]) == ["/environment/dockerfile/context"])
        #expect(faults(["context": "x"]) == ["/environment/dockerfile/context"])
        #expect(faults(["context": .string(digest), "path": "../x"]) == ["/environment/dockerfile/path"])
        #expect(faults(["context": .string(digest), "path": "/x"]) == ["/environment/dockerfile/path"])
        #expect(faults(["context": .string(digest), "args": ["1": "x"]]) == ["/environment/dockerfile/args/1"])
        #expect(faults(["context": .string(digest), "args": ["A": 1]]) == ["/environment/dockerfile/args/A"])
        #expect(faults(["context": .string(digest), "tag": "x"]) == ["/environment/dockerfile/tag"])
    }
}
