import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createHistory } from "../../src/storage/migrate.ts";
import { runSql } from "./sql.ts";

/** The names of a database's migrations, in their order. */
export function known(url: string): readonly string[] {
	const folder = join(import.meta.dir, "../../drizzle", url.startsWith("postgres") ? "postgres" : "sqlite");
	const files = readdirSync(folder).filter((file) => file.endsWith(".sql"));
	return files.map((file) => file.slice(0, -".sql".length)).sort();
}

/** Creates a database as the version of the program with this newest migration left it. */
export async function applyUpTo(url: string, newest: string): Promise<void> {
	await runSql(url, createHistory);
	const dialect = url.startsWith("postgres") ? "postgres" : "sqlite";
	for (const name of known(url).filter((one) => one <= newest)) {
		const text = readFileSync(join(import.meta.dir, `../../drizzle/${dialect}/${name}.sql`), "utf8");
		for (const statement of text.split("--> statement-breakpoint")) await runSql(url, statement);
		const hash = new Bun.CryptoHasher("sha256").update(text).digest("hex");
		await runSql(url, `INSERT INTO schema_migrations VALUES ('${name}', '${hash}', 0)`);
	}
}
