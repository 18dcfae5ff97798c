/// The JSON Schema (draft 2020-12) of `parity.task/v1`: every field with its kind, range, default and meaning.
///
/// A spec that the schema refuses is refused by ``TaskSpec/init(parsing:)`` too. The other way round there are rules that
/// no schema can say: those between fields, and those about bytes.
package enum TaskSchema {
    /// The schema as JSON text.
    package static var bytes: [UInt8] { PackageResources.task_schema_json }
}
