import FoundationEssentials

extension DivergenceReport: Codable {
    enum CodingKeys: String, CodingKey {
        case schema, camps, differences, causes, notes, summary
        case differencesTotal = "differences_total"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let schema = try container.decode(String.self, forKey: .schema)
        guard schema == Self.schema else {
            throw DecodingError.dataCorruptedError(
                forKey: .schema, in: container, debugDescription: "expected \(Self.schema)")
        }
        self.init(
            camps: try container.decode([Camp].self, forKey: .camps),
            differences: try container.decode([Difference].self, forKey: .differences),
            differencesTotal: try container.decode(Int.self, forKey: .differencesTotal),
            causes: try container.decode([Finding].self, forKey: .causes),
            notes: try container.decode([String].self, forKey: .notes),
            summary: try container.decode(String.self, forKey: .summary))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.schema, forKey: .schema)
        try container.encode(camps, forKey: .camps)
        try container.encode(differences, forKey: .differences)
        try container.encode(differencesTotal, forKey: .differencesTotal)
        try container.encode(causes, forKey: .causes)
        try container.encode(notes, forKey: .notes)
        try container.encode(summary, forKey: .summary)
    }
}

extension DivergenceMember: Codable {
    enum CodingKeys: String, CodingKey { case replica, runner, run, surroundings }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let number = try container.decodeIfPresent(Int.self, forKey: .replica) {
            self = .replica(number, runner: try container.decode(RunnerID.self, forKey: .runner))
        } else {
            self = .run(
                try container.decode(Int.self, forKey: .run),
                surroundings: try container.decode(String.self, forKey: .surroundings))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .replica(let number, let runner):
            try container.encode(number, forKey: .replica)
            try container.encode(runner, forKey: .runner)
        case .run(let number, let surroundings):
            try container.encode(number, forKey: .run)
            try container.encode(surroundings, forKey: .surroundings)
        }
    }
}

/// A place stands in the members of its difference, a path as manifests write it.
extension DivergenceReport.Difference: Codable {
    enum CodingKeys: String, CodingKey {
        case place, path, aspect, values, comparison
        case pathBase64 = "path_base64"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let place: DivergenceReport.Place
        switch try container.decode(String.self, forKey: .place) {
        case "outcome": place = .outcome
        case "exit_code": place = .exitCode
        case "stdout": place = .stdout
        default:
            if let text = try container.decodeIfPresent(String.self, forKey: .path) {
                place = .file(.init(text))
            } else {
                place = .file(.init(bytes: Array(try container.decode(Data.self, forKey: .pathBase64))))
            }
        }
        self.init(
            place: place, aspect: try container.decode(DivergenceReport.Aspect.self, forKey: .aspect),
            values: try container.decode([DivergenceReport.Value].self, forKey: .values),
            comparison: try container.decodeIfPresent(DivergenceReport.Comparison.self, forKey: .comparison))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch place {
        case .outcome: try container.encode("outcome", forKey: .place)
        case .exitCode: try container.encode("exit_code", forKey: .place)
        case .stdout: try container.encode("stdout", forKey: .place)
        case .file(let path):
            try container.encode("file", forKey: .place)
            if let text = path.text {
                try container.encode(text, forKey: .path)
            } else {
                try container.encode(Data(path.bytes), forKey: .pathBase64)
            }
        }
        try container.encode(aspect, forKey: .aspect)
        try container.encode(values, forKey: .values)
        try container.encodeIfPresent(comparison, forKey: .comparison)
    }
}

/// The remedy goes with the cause, for readers that know neither.
extension DivergenceReport.Finding: Codable {
    enum CodingKeys: String, CodingKey { case cause, confidence, evidence, title, remedy }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            cause: try container.decode(DivergenceCause.self, forKey: .cause),
            confidence: try container.decode(DivergenceConfidence.self, forKey: .confidence),
            evidence: try container.decode(String.self, forKey: .evidence))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(cause, forKey: .cause)
        try container.encode(confidence, forKey: .confidence)
        try container.encode(evidence, forKey: .evidence)
        try container.encode(cause.title, forKey: .title)
        try container.encode(cause.remedy, forKey: .remedy)
    }
}
