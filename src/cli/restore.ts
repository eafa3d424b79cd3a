import { StartupError } from "../kernel/errors.ts";
import { libpqUrl } from "../kernel/postgres-address.ts";
import { restore as restoreSqlite } from "../storage/sqlite/copy.ts";
import { environment } from "./environment.ts";
import { shellWord } from "./shell-word.ts";

/** Puts a backup in place of the SQLite database that no server uses now; says how it is done on Postgres. */
export function restore(file: string, { force = false }: { readonly force?: boolean }): void {
	const { database } = environment();
	if (database.kind === "postgres") {
		throw new StartupError(
			`Postgres restores its backups itself; stop every server of this database, then: pg_restore --clean --if-exists --no-owner --single-transaction --dbname=${shellWord(libpqUrl(database.server))} ${shellWord(file)}`,
		);
	}
	restoreSqlite(file, database.path, force);
	console.log(
		`Restored ${database.path} from ${file}. Everybody logs in again, and clients that follow events list again.`,
	);
}
