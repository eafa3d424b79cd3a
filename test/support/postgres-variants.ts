import { startPgBouncer } from "./pgbouncer.ts";
import { newPostgresDatabase, postgresUrl } from "./postgres.ts";
import { runSql } from "./sql.ts";

/** A Postgres that is reached or configured in another way than the usual one, and works alike. */
export interface PostgresVariant {
	readonly name: string;
	newUrl(): Promise<string>;
	/** What the environment must say besides. */
	readonly env: Readonly<Record<string, string>>;
}

/** Defaults that an operator may give a role or a database: they change how text is read or written, and what may wait. */
const otherDefaults = {
	array_nulls: "off",
	bytea_output: "escape",
	datestyle: "German, DMY",
	default_transaction_deferrable: "on",
	default_transaction_isolation: "serializable",
	extra_float_digits: "-15",
	idle_in_transaction_session_timeout: "1s",
	intervalstyle: "sql_standard",
	lock_timeout: "1ms",
	plan_cache_mode: "force_generic_plan",
	standard_conforming_strings: "off",
	timezone: "Asia/Kathmandu",
	transform_null_equals: "on",
};

async function newDatabaseWithOtherDefaults(server: string): Promise<string> {
	const url = await newPostgresDatabase(server);
	const name = new URL(url).pathname.slice(1);
	for (const [setting, value] of Object.entries(otherDefaults)) {
		await runSql(server, `ALTER DATABASE ${name} SET ${setting} = '${value}'`);
	}
	return url;
}

async function variants(): Promise<readonly PostgresVariant[]> {
	const server = await postgresUrl();
	if (server === undefined) return [];
	const session = await startPgBouncer(server, "session");
	const transaction = await startPgBouncer(server, "transaction");
	const through = (
		route: ((url: string) => string) | undefined,
		name: string,
		env: PostgresVariant["env"],
	) =>
		route === undefined ? [] : [{ name, newUrl: async () => route(await newPostgresDatabase(server)), env }];
	return [
		{
			name: "Postgres with other defaults",
			newUrl: () => newDatabaseWithOtherDefaults(server),
			env: {},
		},
		...through(session, "Postgres through PgBouncer in session mode", {}),
		...through(transaction, "Postgres through PgBouncer in transaction mode", { DATABASE_LISTEN: "off" }),
	];
}

export const postgresVariants: readonly PostgresVariant[] = await variants();
