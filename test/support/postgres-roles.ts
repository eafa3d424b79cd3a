import { newPostgresDatabase } from "./postgres.ts";
import { runSql } from "./sql.ts";
import { onEnd } from "./teardown.ts";

/** A new database and a role that is no superuser and may create tables in it. */
export interface OwnDatabase {
	/** As the role. */
	readonly url: string;
	readonly role: string;
	/** Runs a statement in the database as the superuser. */
	administer(statement: string): Promise<readonly Record<string, unknown>[]>;
	/** Ends every session in the database. */
	endSessions(): Promise<unknown>;
}

export async function newOwnDatabase(server: string): Promise<OwnDatabase> {
	const admin = await newPostgresDatabase(server);
	const name = new URL(admin).pathname.slice(1);
	const role = name.replace("test_", "role_");
	const administer = (statement: string) => runSql(admin, statement);
	await administer(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
	// Runs before the database is dropped, and the role may own nothing then.
	onEnd(() => administer(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
	await administer(`GRANT CREATE ON SCHEMA public TO ${role}`);
	const url = new URL(admin);
	url.username = role;
	url.password = "secret";
	return {
		url: url.href,
		role,
		administer,
		endSessions: () =>
			administer(
				"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
			),
	};
}
