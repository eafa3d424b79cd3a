import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import postgres from "postgres";
import type { PostgresAddress, PostgresHost } from "../../kernel/postgres-address.ts";
import { TimeoutError, withTimeout } from "../../kernel/timeout.ts";
import { ConnectError } from "./connect-error.ts";
import { HostSearch } from "./host-search.ts";
import { openSocket } from "./socket.ts";

const connectTimeoutSecondsDefault = 5;

/**
 * The options of a client of postgres-js that say where the server is and how to log in. It takes whatever is not among
 * them from the environment (PGHOST, PGPASSWORD, PGDEBUG, …), which only config.ts may read.
 */
export function clientOptions(address: PostgresAddress) {
	const { hosts, user, password, database, targetSession } = address;
	const open = opener(address);
	return {
		// Only for its messages: `socket` connects. With a list of hosts it would hide errors.
		host: hosts.map(({ host }) => host).join("|"),
		port: hosts[0]?.port ?? 0,
		user,
		// A function also for an empty password, in place of which it would take PGPASSWORD.
		pass: () => password,
		database,
		ssl: false,
		sslnegotiation: null,
		connect_timeout: timeoutSeconds(address),
		keep_alive: 60,
		max_pipeline: 100,
		fetch_types: true,
		debug: false,
		target_session_attrs: targetSession === "read-write" ? ("read-write" as const) : ("primary" as const),
		// postgres-js has it, but its types do not.
		socket: () => open().catch(failedSocket),
	};
}

function timeoutSeconds({ connectTimeoutSeconds = connectTimeoutSecondsDefault }: PostgresAddress): number {
	return connectTimeoutSeconds;
}

function opener(address: PostgresAddress): () => Promise<Socket> {
	const [only, ...others] = address.hosts;
	const open = (host: PostgresHost) => openSocket(host, address.tls, timeoutSeconds(address) * 1000);
	if (only !== undefined && others.length === 0) return () => open(only);
	const search = new HostSearch(address.hosts, (host) => logIn({ ...address, hosts: [host] }));
	return async () => {
		const host = await search.find();
		return open(host).catch(async () => {
			search.forget();
			return open(await search.find());
		});
	};
}

/** Rejects if the only host of an address cannot be used, or takes no writes and the address asks for one that does. */
async function logIn(address: PostgresAddress): Promise<void> {
	const sql = postgres({
		...clientOptions({ ...address, targetSession: "any" }),
		max: 1,
		fetch_types: false,
		connection: { application_name: address.applicationName ?? "orchestrator" },
	});
	try {
		const [session] = await withTimeout(
			timeoutSeconds(address) * 1000,
			sql`SELECT current_setting('transaction_read_only') = 'on' AS "isReadOnly"`,
		);
		if (session?.isReadOnly && address.targetSession !== "any") throw new ConnectError("CONNECT_STANDBY");
	} catch (error) {
		throw error instanceof TimeoutError ? new ConnectError("CONNECT_TIMEOUT", error) : error;
	} finally {
		await sql.end({ timeout: 0 });
	}
}

/** A connection that ends with an error. postgres-js would lose one of its connections for ever if `socket` rejected. */
function failedSocket(error: Error): Duplex {
	const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
	// After postgres-js has begun to listen.
	setImmediate(() => socket.destroy(error));
	return socket;
}
