import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Migration {
	/** The file's name without its ending: migrations are applied in the order of their names. */
	readonly name: string;
	/** SHA-256 of the file: an applied migration never changes. */
	readonly hash: string;
	readonly statements: string[];
}

/** Reads a dialect's migrations at build time, so that the executable contains them. */
export function embedMigrations(dialect: "sqlite" | "postgres"): Migration[] {
	const folder = join(import.meta.dir, "../../drizzle", dialect);
	const files = readdirSync(folder)
		.filter((file) => file.endsWith(".sql"))
		.sort();
	return files.map((file) => {
		const text = readFileSync(join(folder, file), "utf8");
		return {
			name: file.slice(0, -".sql".length),
			hash: new Bun.CryptoHasher("sha256").update(text).digest("hex"),
			statements: text.split("--> statement-breakpoint").map((statement) => statement.trim()),
		};
	});
}
