import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newPostgresDatabase, postgresUrl } from "./postgres.ts";
import { onEnd } from "./teardown.ts";

/** A kind of database that every store contract and every API test runs against. */
export interface TestDatabase {
	readonly name: "SQLite in memory" | "SQLite on disk" | "Postgres";
	/** The `DATABASE_URL` of a new, empty database. */
	newUrl(): Promise<string>;
}

const memory: TestDatabase = { name: "SQLite in memory", newUrl: async () => "sqlite://:memory:" };
const disk: TestDatabase = { name: "SQLite on disk", newUrl: async () => `sqlite:///${newFolder()}/test.db` };

async function postgres(): Promise<readonly TestDatabase[]> {
	const server = await postgresUrl();
	return server === undefined ? [] : [{ name: "Postgres", newUrl: () => newPostgresDatabase(server) }];
}

/** Every kind of database; without Postgres if none is available. */
export const everyDatabase: readonly TestDatabase[] = [memory, disk, ...(await postgres())];

/** The two that are durable, and that several processes can share. */
export const durableDatabases = everyDatabase.filter(({ name }) => name !== "SQLite in memory");

/** A new, empty folder, removed at the end. */
export function newFolder(): string {
	const folder = mkdtempSync(join(tmpdir(), "orchestrator-test-"));
	onEnd(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}
