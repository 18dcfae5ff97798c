package import PostgresClient

/// Every change of the schema, in order. Numbered and never edited once released: a database that ran one has its
/// checksum.
package enum Migrations {
    package static let all: [PostgresMigration] = [
        PostgresMigration(id: 1, name: "accounts", sql: accounts),
        PostgresMigration(id: 2, name: "ledger", sql: ledger),
        PostgresMigration(id: 3, name: "runners", sql: runners),
        PostgresMigration(id: 4, name: "tasks", sql: tasks),
        PostgresMigration(id: 5, name: "messages", sql: messages),
        PostgresMigration(id: 6, name: "presence", sql: presence),
        PostgresMigration(id: 7, name: "divergences", sql: divergences),
        PostgresMigration(id: 8, name: "reminders", sql: reminders),
        PostgresMigration(id: 9, name: "expectations", sql: expectations),
        PostgresMigration(id: 10, name: "builds", sql: builds),
        PostgresMigration(id: 11, name: "pauses", sql: pauses),
        PostgresMigration(id: 12, name: "explanations", sql: explanations),
    ]
}
