import { isIPv6 } from "node:net";
import { PostgresParameters } from "./postgres-parameters.ts";
import { splitPostgresUrl } from "./postgres-url.ts";

/** A host's name or address, or the folder of a Unix socket, which begins with a slash. */
export interface PostgresHost {
	readonly host: string;
	readonly port: number;
}

const tlsModes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type TlsMode = (typeof tlsModes)[number];

/** This program writes: libpq's other values ask for a server on which it cannot. */
const targetSessions = ["any", "primary", "read-write"] as const;
export type TargetSession = (typeof targetSessions)[number];

export interface PostgresTls {
	readonly mode: TlsMode;
	/** The file of the CAs; `system`: those of the operating system. Absent: those that Bun comes with. */
	readonly rootCertificates: string | undefined;
	/** The files with which this program proves who it is. */
	readonly client: { readonly certificate: string; readonly key: string } | undefined;
}

/** Where a Postgres is and how to log in: what a `DATABASE_URL` says, and for the rest what psql would take. */
export interface PostgresAddress {
	/** At least one; tried in this order. */
	readonly hosts: readonly PostgresHost[];
	readonly user: string;
	readonly password: string;
	readonly database: string;
	readonly tls: PostgresTls;
	/** A standby is never used. Among several hosts, neither is one whose sessions are read-only, except with `any`. */
	readonly targetSession: TargetSession | undefined;
	/** For each host. */
	readonly connectTimeoutSeconds: number | undefined;
	readonly applicationName: string | undefined;
}

/** What psql takes from the machine. */
export interface PostgresDefaults {
	/** A folder of sockets, or a host. */
	readonly host: string;
	/** The name of the operating system's user; undefined if it has none. */
	user(): string | undefined;
}

/** Reads `postgres://user:password@host:port/database?parameters` as libpq does. Throws `PostgresUrlError`. */
export function parsePostgresUrl(text: string, defaults: PostgresDefaults): PostgresAddress {
	const parts = splitPostgresUrl(text);
	const read = new PostgresParameters(parts);
	const user = read.text("user") ?? defaults.user();
	if (user === undefined && parts.faults.length === 0)
		read.fault("names no user, and this process has none with a name: write postgres://user@…");
	const address: PostgresAddress = {
		hosts: hosts(read, defaults.host),
		user: user ?? "",
		password: read.text("password") ?? "",
		database: read.text("dbname") ?? user ?? "",
		tls: tls(read),
		targetSession: read.oneOf("target_session_attrs", targetSessions),
		connectTimeoutSeconds: connectTimeout(read),
		applicationName: read.text("application_name"),
	};
	read.finish();
	return address;
}

const portDefault = 5432;

function hosts(read: PostgresParameters, hostDefault: string): readonly PostgresHost[] {
	const names = (read.text("host") ?? "").split(",").map((name) => name || hostDefault);
	const ports = (read.text("port") ?? "").split(",").map((text) => port(text, read));
	if (ports.length !== 1 && ports.length !== names.length)
		read.fault("has another number of ports than of hosts: write one port, or one for each host");
	for (const name of names) if (!isHost(name)) read.fault(hostFault(name));
	return names.map((host, index) => ({
		host,
		port: (ports.length === 1 ? ports[0] : ports[index]) ?? portDefault,
	}));
}

function port(text: string, read: PostgresParameters): number {
	if (text === "") return portDefault;
	if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535) return Number(text);
	read.fault("has a port that is not a whole number from 1 to 65535");
	return portDefault;
}

function isHost(name: string): boolean {
	return name.startsWith("/") || isIPv6(name) || /^[\p{L}\p{N}._-]+$/u.test(name);
}

function hostFault(name: string): string {
	return name.startsWith("@")
		? "has an abstract socket as host, which is not supported: use a socket in a folder"
		: "has a host that is no name, no address and no folder of a socket";
}

/** As libpq: a given CA makes `require` check the certificate, and the system's CAs want `verify-full`. */
function tls(read: PostgresParameters): PostgresTls {
	const rootCertificates = read.text("sslrootcert");
	const isSystem = rootCertificates === "system";
	const given = read.oneOf("sslmode", tlsModes) ?? javaStyle(read);
	if (isSystem && given !== undefined && given !== "verify-full")
		read.fault("has sslrootcert=system, which wants sslmode=verify-full");
	const mode = given ?? (isSystem ? "verify-full" : "prefer");
	const [certificate, key] = [read.text("sslcert"), read.text("sslkey")];
	if ((certificate === undefined) !== (key === undefined))
		read.fault("has only one of sslcert and sslkey: write both");
	return {
		mode: mode === "require" && rootCertificates !== undefined ? "verify-ca" : mode,
		rootCertificates,
		client: certificate !== undefined && key !== undefined ? { certificate, key } : undefined,
	};
}

/** libpq takes `ssl=true` of JDBC's URLs. */
function javaStyle(read: PostgresParameters): TlsMode | undefined {
	return read.oneOf("ssl", ["true"]) && "require";
}

function connectTimeout(read: PostgresParameters): number | undefined {
	const text = read.text("connect_timeout");
	if (text === undefined) return undefined;
	if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 300) return Number(text);
	read.fault("has a connect_timeout that is not a whole number of seconds from 1 to 300");
	return undefined;
}

/** Hosts, ports and database: the parts without a secret, for messages. */
export function placeOf({ hosts, database }: PostgresAddress): string {
	return `${hosts.map(hostAndPort).join(",")}/${database}`;
}

export function hostAndPort({ host, port }: PostgresHost): string {
	return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** The address as a URL for the programs that come with Postgres, without the password. */
export function libpqUrl(address: PostgresAddress): string {
	const { hosts, user, database, tls } = address;
	const isSocket = hosts.some(({ host }) => host.startsWith("/"));
	const authority = isSocket ? "" : hosts.map(hostAndPort).join(",").replaceAll("%", "%25");
	const parameters = {
		host: isSocket ? hosts.map(({ host }) => host).join(",") : undefined,
		port: isSocket ? hosts.map(({ port }) => port).join(",") : undefined,
		sslmode: tls.mode === "prefer" ? undefined : tls.mode,
		sslrootcert: tls.rootCertificates,
		sslcert: tls.client?.certificate,
		sslkey: tls.client?.key,
		target_session_attrs: address.targetSession,
		connect_timeout: address.connectTimeoutSeconds,
	};
	const query = Object.entries(parameters)
		.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${encode(String(value))}`]))
		.join("&");
	return `postgres://${encode(user)}@${authority}/${encode(database)}${query && `?${query}`}`;
}

/** Slashes and commas stay readable. */
function encode(text: string): string {
	return encodeURIComponent(text).replaceAll("%2F", "/").replaceAll("%2C", ",");
}
