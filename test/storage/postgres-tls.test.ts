import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, chownSync, copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { hostAndPort } from "../../src/kernel/postgres-address.ts";
import { connect } from "../../src/storage/postgres/connection.ts";
import { type Authority, newAuthority } from "../support/certificates.ts";
import { newFolder } from "../support/databases.ts";
import { postgresAddress } from "../support/pool.ts";
import { freePort } from "../support/ports.ts";
import { ownPostgres, type PostgresServer } from "../support/postgres.ts";
import { fromSource, runProgram } from "../support/process.ts";
import { runSql } from "../support/sql.ts";

setDefaultTimeout(60_000);

/** Which roles the server takes with TLS alone, without it alone, and by a certificate. */
const rules = `
local all all trust
hostssl all only_tls all password
hostnossl all only_plain all password
hostssl all by_certificate all cert
host all postgres all password
`;

/** A server with TLS, whose certificate is for `localhost` and for no address. */
async function secured(authority: Authority): Promise<PostgresServer | undefined> {
	const own = await authority.issue("server", "DNS:localhost");
	return ownPostgres({
		settings: ["ssl=on", "ssl_cert_file=server.crt", "ssl_key_file=server.key", "ssl_ca_file=ca.crt"],
		async prepare(folder) {
			const { uid, gid } = statSync(folder);
			for (const [from, name] of [
				[own.certificate, "server.crt"],
				[own.key, "server.key"],
				[authority.certificate, "ca.crt"],
			] as const) {
				copyFileSync(from, join(folder, name));
				chownSync(join(folder, name), uid, gid);
				chmodSync(join(folder, name), 0o600);
			}
			await Bun.write(join(folder, "pg_hba.conf"), rules);
		},
	});
}

const [ours, others] = [await newAuthority(), await newAuthority()];
const withTls = ours && (await secured(ours));
const withoutTls = withTls && (await ownPostgres());

/** Whether a connection by this URL is encrypted. */
async function isEncrypted(url: string): Promise<unknown> {
	const sql = connect(postgresAddress(url, 1));
	const [row] = await sql`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;
	await sql.end();
	return row?.ssl;
}

/** Expects one sentence on standard error, and exit code 1. */
async function refused(url: string, reason: string): Promise<void> {
	const { hosts, database } = postgresAddress(url, 1).server;
	expect(await runProgram([...fromSource, "migrate"], { DATABASE_URL: url })).toEqual({
		code: 1,
		stdout: "",
		stderr: `orchestrator: Postgres at ${hosts.map(hostAndPort).join(",")}/${database} cannot be used: ${reason}.\n`,
	});
}

const absent =
	"the server has no TLS, which the sslmode of DATABASE_URL asks for: set ssl=on at the server, or sslmode=disable if the network between can be trusted";
const otherHost =
	"the server's certificate is for another host: connect by a name that is in the certificate, or use sslmode=verify-ca";
const untrusted =
	"the server's certificate is not of a CA that is trusted here: name the file of its CA in sslrootcert";

const noRule = (role: string) =>
	`the server's pg_hba.conf lets the role ${role} not log in to the database postgres in this way from this address: add a line for it, change the sslmode of DATABASE_URL if the line is for TLS or for none, or set sslcert and sslkey if it asks for a certificate`;

describe.if(withoutTls !== undefined)("sslmode", () => {
	const authority = ours as Authority;
	const [tls, plain] = [withTls as PostgresServer, withoutTls as PostgresServer];
	/** `?sslmode=require&ca` names our CA, `&other-ca` another one. */
	const withFiles = (query: string) =>
		query
			.replace(/&ca$/, `&sslrootcert=${ours?.certificate}`)
			.replace(/&other-ca$/, `&sslrootcert=${others?.certificate}`);
	const named = (server: PostgresServer) => server.url.replace("127.0.0.1", "localhost");

	test.each([
		["", true],
		["?sslmode=disable", false],
		["?sslmode=allow", true],
		["?sslmode=prefer", true],
		["?sslmode=require", true],
		["?ssl=true", true],
		["?sslmode=require&ca", true],
		["?sslmode=verify-ca&ca", true],
		["?sslmode=verify-full&ca", true],
	] as const)("%j against a server with TLS: encrypted is %p", async (query, encrypted) => {
		expect(await isEncrypted(named(tls) + withFiles(query))).toBe(encrypted);
	});

	test.each(["", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer"])(
		"%j against a server without TLS is not encrypted",
		async (query) => {
			expect(await isEncrypted(plain.url + withFiles(query))).toBe(false);
		},
	);

	test.each(["?sslmode=require", "?sslmode=verify-ca&ca", "?sslmode=verify-full&ca"])(
		"%j against a server without TLS is one sentence",
		async (query) => {
			await refused(plain.url + withFiles(query), absent);
		},
	);

	test("a certificate for another host is refused by verify-full, and accepted by verify-ca", async () => {
		await refused(tls.url + withFiles("?sslmode=verify-full&ca"), otherHost);
		expect(await isEncrypted(tls.url + withFiles("?sslmode=verify-ca&ca"))).toBe(true);
	});

	test.each([
		"?sslmode=require&other-ca",
		"?sslmode=verify-ca&other-ca",
		"?sslmode=verify-full&other-ca",
		"?sslmode=verify-ca",
		"?sslmode=verify-full",
		"?sslrootcert=system",
	])("%j refuses a certificate of a CA that is not named", async (query) => {
		await refused(named(tls) + withFiles(query), untrusted);
	});

	test("a file that is missing is one sentence", async () => {
		const missing = join(newFolder(), "missing");
		await refused(
			`${tls.url}?sslrootcert=${missing}&sslmode=require`,
			"the file of sslrootcert cannot be read: check that it exists and that this user may read it",
		);
		await refused(
			`${tls.url}?sslcert=${missing}&sslkey=${missing}`,
			"a file of sslcert or sslkey cannot be read: check that both exist and that this user may read it",
		);
	});

	test("a server that takes a role only with TLS, or only without, gets what the mode allows", async () => {
		for (const role of ["only_tls", "only_plain"])
			await runSql(
				tls.url,
				`CREATE ROLE ${role} LOGIN PASSWORD 'p'; GRANT ALL ON DATABASE postgres TO ${role}`,
			);
		const as = (role: string, query: string) =>
			`${tls.url.replace("postgres:postgres@", `${role}:p@`)}${query}`;
		expect(await isEncrypted(as("only_tls", ""))).toBe(true);
		await refused(as("only_tls", "?sslmode=disable"), noRule("only_tls"));
		expect(await isEncrypted(as("only_plain", "?sslmode=disable"))).toBe(false);
		await refused(as("only_plain", ""), noRule("only_plain"));
	});

	test("a role that the server knows by its certificate logs in with it, and not without", async () => {
		await runSql(tls.url, "CREATE ROLE by_certificate LOGIN");
		const { certificate, key } = await authority.issue("by_certificate", "DNS:client");
		const url = tls.url.replace("postgres:postgres@", "by_certificate@");
		expect(await isEncrypted(`${url}?sslcert=${certificate}&sslkey=${key}`)).toBe(true);
		await refused(url, noRule("by_certificate"));
	});

	test("a server that closes the connection, and one that is no Postgres, is one sentence", async () => {
		using closing = Bun.listen({
			hostname: "127.0.0.1",
			port: freePort(),
			socket: { open: (socket) => void socket.end(), data() {} },
		});
		for (const mode of ["disable", "prefer"]) {
			const started = performance.now();
			await refused(
				`postgres://u:p@127.0.0.1:${closing.port}/d?sslmode=${mode}`,
				"it closes the connection: check that the port is that of a Postgres, and the server's log",
			);
			expect(performance.now() - started).toBeLessThan(10_000);
		}
		using http = Bun.listen({
			hostname: "127.0.0.1",
			port: freePort(),
			socket: { data: (socket) => void socket.write("HTTP/1.1 400 Bad Request\r\n\r\n") },
		});
		await refused(
			`postgres://u:p@127.0.0.1:${http.port}/d`,
			"what listens there is not Postgres: check host and port",
		);
	});
});
