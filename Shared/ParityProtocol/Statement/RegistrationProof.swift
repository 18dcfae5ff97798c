/// What a runner signs to show that it holds its key when it registers.
package enum RegistrationProof {
    /// The bytes to sign. They name the account, so that a proof seen elsewhere cannot be used by another operator.
    package static func message(key: RunnerKey, account: AccountID) -> [UInt8] {
        let statement: JSONValue = [
            "schema": "parity.registration/v1", "runner_key": .string(key.description),
            "account": .string(account.description),
        ]
        return statement.canonicalBytes()
    }
}
