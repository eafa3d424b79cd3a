import { StartupError } from "../kernel/errors.ts";
import { libpqUrl } from "../kernel/postgres-address.ts";
import { backUp } from "../storage/sqlite/copy.ts";
import { environment } from "./environment.ts";
import { shellWord } from "./shell-word.ts";

/** Copies a SQLite database to a new file while servers use it; says how it is done on Postgres. */
export function backup(file: string): void {
	const { database } = environment();
	if (database.kind === "postgres") {
		throw new StartupError(
			`Postgres makes its backups itself: pg_dump --format=custom --file=${shellWord(file)} ${shellWord(libpqUrl(database.server))}`,
		);
	}
	backUp(database.path, file);
	console.log(
		`Backed up ${database.path} to ${file}. Keep it as safe as the database: it holds its secrets.`,
	);
}
