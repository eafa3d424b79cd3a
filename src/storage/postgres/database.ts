import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import type { DatabaseAddress } from "../../config.ts";
import { LateError, within } from "../../deadline.ts";
import { StartupError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import { jobStore } from "../job-store.ts";
import type { Storage } from "../storage.ts";
import { taskStore } from "../task-store.ts";
import { unavailable } from "../writer.ts";
import { answerStore } from "./answers.ts";
import { userStore } from "./auth.ts";
import { CommitSignal } from "./events-signal.ts";
import { eventStore } from "./events-store.ts";
import { jobReads } from "./jobs-reads.ts";
import { migrate } from "./migrate.ts";
import * as schema from "./schema.ts";
import { settingStore } from "./settings.ts";
import { taskReads } from "./tasks.ts";
import { PostgresWriter } from "./writer.ts";

/** 64-bit integers are event numbers and milliseconds here: both stay far below 2^53. */
const types = { bigint: { to: 20, from: [20], parse: Number, serialize: String } };

export type Sql = postgres.Sql<{ bigint: number }>;
export type Tx = postgres.TransactionSql<{ bigint: number }>;
/** A piece of a statement. */
export type Fragment = postgres.Fragment;
export type Db = PostgresJsDatabase<typeof schema>;

/** A server that accepts and then is silent makes a query hang for ever (postgres-js 3.4.9). */
const answerWithinMs = 10_000;

type Address = Extract<DatabaseAddress, { kind: "postgres" }>;

export async function openPostgres(
	address: Address,
	log: Log,
	told: (migration: string) => void,
): Promise<Storage> {
	const sql = connect(address);
	// drizzle changes the parsers of the client it is given; the rows here hold nothing that it would change.
	const db = drizzle(sql, { schema });
	try {
		await within(30_000, migrate(sql, told));
	} catch (error) {
		await sql.end({ timeout: 0 });
		if (error instanceof StartupError) throw error;
		throw new StartupError(`Postgres at ${place(address.url)} cannot be used: ${describe(error)}.`, {
			cause: error,
		});
	}
	const writer = new PostgresWriter(sql, log);
	const signal = new CommitSignal(address.url, log);
	return {
		tasks: taskStore(writer, taskReads(sql, db)),
		jobs: jobStore(writer, jobReads(sql, db)),
		users: userStore(sql, db),
		events: eventStore(sql, db, signal),
		answers: answerStore(sql),
		settings: settingStore(db),
		async ping() {
			await answered(() => sql`SELECT 1`);
		},
		async stop() {
			await writer.stop();
			await signal.stop();
			await sql.end({ timeout: 5 });
		},
	};
}

function connect({ url, poolMax }: Address): Sql {
	return postgres(url, {
		max: poolMax,
		connect_timeout: 5,
		idle_timeout: 60,
		types,
		onnotice() {},
		connection: { application_name: "orchestrator", statement_timeout: answerWithinMs },
	});
}

/** Host, port and database of a URL: what may be shown of it. */
function place(url: string): string {
	const { host, pathname } = new URL(url);
	return `${host || "localhost"}${pathname}`;
}

const descriptions: Readonly<Record<string, string>> = {
	"28P01": "the password is wrong",
	"28000": "this user may not log in",
	"3D000": "there is no such database",
	"42501": "this user may not create tables there",
	"53300": "it has too many connections already",
	ECONNREFUSED: "nothing listens there",
	ENOTFOUND: "there is no such host",
	CONNECT_TIMEOUT: "it does not answer",
};

function describe(error: unknown): string {
	if (error instanceof LateError) return "it does not answer";
	const code = sqlState(error);
	return descriptions[code ?? ""] ?? `it answered with ${code ?? "an error"}`;
}

/** The SQLSTATE, or postgres-js' or the system's own code. A drizzle error hides it in its cause. */
export function sqlState(error: unknown): string | undefined {
	if (!(error instanceof Error)) return undefined;
	const code = (error as { code?: unknown }).code;
	return typeof code === "string" ? code : sqlState(error.cause);
}

/**
 * Faults of the machine, the network or an operator rather than of the request: classes 08 (connection), 53
 * (resources), 57 (operator), 58 (system), a read-only standby, lock and serialization faults, lost sockets.
 */
const passing = /^(08|53|57|58|25006|40|55P03|CONNECT|ECONN|EPIPE|ENOTFOUND|EAI_AGAIN|ETIMEDOUT)/;

/** What a caller is told of a database's error: `unavailable` where it may pass, else the defect that it is. */
export function translated(error: unknown): unknown {
	if (error instanceof LateError || passing.test(sqlState(error) ?? "")) return unavailable(error);
	return error;
}

/** Runs a query; a passing fault of the database, or its silence, is `unavailable`. */
export async function answered<T>(query: () => PromiseLike<T>): Promise<T> {
	try {
		return await within(answerWithinMs, Promise.resolve(query()));
	} catch (error) {
		throw translated(error);
	}
}
