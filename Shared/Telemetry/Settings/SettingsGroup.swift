/// Settings that are read together into one value.
package protocol SettingsGroup: Sendable {
    /// Every setting that ``init(_:)`` reads.
    static var descriptions: [SettingDescription] { get }
    /// Reads them; throws ``SettingsError``.
    init(_ reader: SettingsReader) throws
}
