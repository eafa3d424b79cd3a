import { StartupError } from "../../kernel/errors.ts";
import { hostAndPort, type PostgresAddress, placeOf } from "../../kernel/postgres-address.ts";
import { TimeoutError } from "../../kernel/timeout.ts";
import { NoHostError } from "./connect-error.ts";
import { sqlState } from "./errors.ts";

/** What keeps a database from being opened, as one sentence that says what to do. It shows no secret and no text of the server. */
export function startError(error: unknown, address: PostgresAddress): StartupError {
	return new StartupError(`Postgres at ${placeOf(address)} cannot be used: ${describe(error, address)}.`, {
		cause: error,
	});
}

function describe(error: unknown, address: PostgresAddress): string {
	if (error instanceof NoHostError)
		return error.failures
			.map(({ host, error }) => `at ${hostAndPort(host)} ${describe(error, { ...address, hosts: [host] })}`)
			.join("; ");
	const code = error instanceof TimeoutError ? "CONNECT_TIMEOUT" : sqlState(error);
	const found = descriptions[`${code} ${routineOf(error)}`] ?? descriptions[code ?? ""];
	return found?.(namesOf(address)) ?? `it answered with ${code ?? "an error"}`;
}

/** The function of the server that has reported the error: it tells apart errors of one code, in whatever language. */
function routineOf(error: unknown): string {
	return error instanceof Error && "routine" in error ? String(error.routine) : "";
}

interface Names {
	/** As they are written in a statement. */
	readonly role: string;
	readonly database: string;
	readonly hasPassword: boolean;
}

function namesOf({ user, database, password }: PostgresAddress): Names {
	return { role: identifier(user), database: identifier(database), hasPassword: password !== "" };
}

function identifier(name: string): string {
	return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

const noAnswer =
	"it does not answer: check host and port, that the server runs, and that no firewall stands between";
const closed = "it closes the connection: check that the port is that of a Postgres, and the server's log";
const standby = "it is a standby or read-only, and takes no writes: name the primary in DATABASE_URL";
const noRoute = "no network leads to this host: check the host, and the network of this machine";
const readFile = "and that this user may read it";

/** By SQLSTATE, with the server's routine where that says more, or by the code of the system or of a `ConnectError`. */
const descriptions: Readonly<Record<string, (names: Names) => string>> = {
	"28P01": ({ role, hasPassword }) =>
		hasPassword
			? `the password is wrong for the role ${role}, or there is no such role: correct DATABASE_URL, or set the password by ALTER ROLE ${role} PASSWORD '…'`
			: `the server asks for the password of the role ${role}: write it into DATABASE_URL, as postgres://user:password@…`,
	"28000": ({ role, database }) =>
		`the role ${role} may not log in to the database ${database} from here: check the server's pg_hba.conf and the sslmode of DATABASE_URL`,
	"28000 ClientAuthentication": ({ role, database }) =>
		`the server's pg_hba.conf lets the role ${role} not log in to the database ${database} in this way from this address: add a line for it, change the sslmode of DATABASE_URL if the line is for TLS or for none, or set sslcert and sslkey if it asks for a certificate`,
	"28000 InitializeSessionUserId": ({ role }) =>
		`the role ${role} does not exist or may not log in: CREATE ROLE ${role} LOGIN, or ALTER ROLE ${role} LOGIN`,
	"28000 auth_failed": ({ role }) =>
		`the server takes this process for another user than ${role}: run it as the system's user that pg_hba.conf and pg_ident.conf name for the role (peer), or set sslcert and sslkey to a certificate of the role (cert)`,
	"3D000": ({ role, database }) =>
		`there is no database ${database}: CREATE DATABASE ${database} OWNER ${role}, or correct DATABASE_URL`,
	"3F000": ({ role }) =>
		`the search_path of the role ${role} names no schema that exists: create the schema, or ALTER ROLE ${role} SET search_path TO public`,
	"25006": () => standby,
	"42501": ({ role }) =>
		`the role ${role} may not create or change the program's tables: GRANT USAGE, CREATE ON SCHEMA public TO ${role}, and make it the owner of those that another role has created`,
	"42501 CheckMyDatabase": ({ role, database }) =>
		`the role ${role} may not connect to the database ${database}: GRANT CONNECT ON DATABASE ${database} TO ${role}`,
	"42P07": () =>
		"it has tables, of other programs, with names that this program uses: give this program a database of its own",
	"53300": () =>
		"it has too many connections already: raise its max_connections, or the limit of the role or of the database, or lower DATABASE_POOL",
	"55000 CheckMyDatabase": ({ database }) =>
		`the database ${database} takes no connections: ALTER DATABASE ${database} ALLOW_CONNECTIONS true`,
	"57P03": () => "it is starting, stopping or recovering: try again when it is ready",
	CONNECTION_DESTROYED: () => standby,
	CONNECT_STANDBY: () => standby,
	CONNECT_TIMEOUT: () => noAnswer,
	ETIMEDOUT: () => noAnswer,
	CONNECT_CLOSED: () => closed,
	CONNECTION_CLOSED: () => closed,
	ECONNRESET: () => closed,
	EPIPE: () => closed,
	CONNECT_NOT_POSTGRES: () => "what listens there is not Postgres: check host and port",
	CONNECT_TLS_ABSENT: () =>
		"the server has no TLS, which the sslmode of DATABASE_URL asks for: set ssl=on at the server, or sslmode=disable if the network between can be trusted",
	CONNECT_TLS_EXPIRED: () =>
		"the server's certificate has expired or is not valid yet: renew it, or check the clocks",
	CONNECT_TLS_FAILED: () =>
		"TLS cannot be agreed on: check the server's log, and that sslcert and sslkey, if they are set, belong together",
	CONNECT_TLS_OTHER_HOST: () =>
		"the server's certificate is for another host: connect by a name that is in the certificate, or use sslmode=verify-ca",
	CONNECT_TLS_UNTRUSTED: () =>
		"the server's certificate is not of a CA that is trusted here: name the file of its CA in sslrootcert",
	CONNECT_TLS_ROOTS_UNREADABLE: () =>
		`the file of sslrootcert cannot be read: check that it exists ${readFile}`,
	CONNECT_TLS_CLIENT_UNREADABLE: () =>
		`a file of sslcert or sslkey cannot be read: check that both exist ${readFile}`,
	ECONNREFUSED: () => "nothing listens there: check host and port, and that the server runs",
	CONNECT_NO_SOCKET: () =>
		"there is no socket in this folder: check that the server runs, and its unix_socket_directories",
	CONNECT_SOCKET_DENIED: () =>
		"this user may not use the socket: check unix_socket_permissions, and the folder's",
	ENOTFOUND: () => "there is no host of this name: correct DATABASE_URL, or check the DNS",
	EAI_AGAIN: () => "the host's name cannot be looked up: check the DNS of this machine",
	CONNECT_NO_ROUTE: () => noRoute,
};
