import { Database } from "bun:sqlite";
import postgres from "postgres";

/** Runs a statement in a durable database, without the program. */
export async function runSql(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
	if (url.startsWith("postgres")) {
		const client = postgres(url, { max: 1, onnotice() {} });
		const rows = await client.unsafe(statement);
		await client.end();
		return [...rows];
	}
	using database = new Database(url.slice("sqlite:///".length), { create: true });
	database.run("PRAGMA busy_timeout = 10000");
	return database.query<Record<string, unknown>, []>(statement).all();
}
