import { describe, expect, test } from "bun:test";
import { libpqUrl, type PostgresAddress, parsePostgresUrl, placeOf } from "../src/kernel/postgres-address.ts";
import { PostgresUrlError } from "../src/kernel/postgres-parameters.ts";

const defaults = { host: "/run/pg", user: () => "me" as string | undefined };
const parse = (url: string) => parsePostgresUrl(url, defaults);

function faults(url: string): readonly string[] {
	try {
		parse(url);
		return [];
	} catch (error) {
		if (error instanceof PostgresUrlError) return error.faults;
		throw error;
	}
}

const tls = { mode: "prefer", rootCertificates: undefined, client: undefined } as const;
const here = (part: Partial<PostgresAddress>): PostgresAddress => ({
	hosts: [{ host: "h", port: 5432 }],
	user: "u",
	password: "",
	database: "d",
	tls,
	targetSession: undefined,
	connectTimeoutSeconds: undefined,
	applicationName: undefined,
	...part,
});
const host = (name: string, port = 5432) => ({ host: name, port });

describe("a URL means what it means to psql", () => {
	const meanings: readonly (readonly [string, Partial<PostgresAddress>])[] = [
		["postgres://u@h/d", {}],
		["postgresql://u:p@h:5433/d", { password: "p", hosts: [host("h", 5433)] }],
		["postgres://u@[::1]/d", { hosts: [host("::1")] }],
		["postgres://u@[2001:db8::2]:6432/d", { hosts: [host("2001:db8::2", 6432)] }],
		["postgres://", { hosts: [host("/run/pg")], user: "me", database: "me" }],
		["postgres:///d", { hosts: [host("/run/pg")], user: "me" }],
		["postgres://u@h", { database: "u" }],
		["postgres://u@h/", { database: "u" }],
		["postgres://u@:6432/d", { hosts: [host("/run/pg", 6432)] }],
		["postgres:///d?host=/var/run/postgresql", { hosts: [host("/var/run/postgresql")], user: "me" }],
		["postgres://u@%2Fvar%2Frun%2Fpostgresql/d", { hosts: [host("/var/run/postgresql")] }],
		["postgres://h/d?host=/s&port=5433&user=u&password=p", { hosts: [host("/s", 5433)], password: "p" }],
		["postgres://u@h/other?dbname=d", {}],
		["postgres://u%20x:%C3%BC%40%2F%25@h/d%20%C3%BC", { user: "u x", password: "ü@/%", database: "d ü" }],
		["postgres://u:a:b#c?d&e=f+g@h/d", { password: "a:b#c?d&e=f+g" }],
		["postgres://u@h/d#e", { database: "d#e" }],
		["postgres://u@a,b:5433,[::1]/d", { hosts: [host("a"), host("b", 5433), host("::1")] }],
		["postgres://u@/d?host=a,b&port=1,2", { hosts: [host("a", 1), host("b", 2)] }],
		["postgres://u@/d?host=a,b&port=7", { hosts: [host("a", 7), host("b", 7)] }],
		[
			"postgres://u@h/d?sslmode=verify-ca&sslrootcert=/ca",
			{ tls: { ...tls, mode: "verify-ca", rootCertificates: "/ca" } },
		],
		[
			"postgres://u@h/d?sslmode=require&sslrootcert=/ca",
			{ tls: { ...tls, mode: "verify-ca", rootCertificates: "/ca" } },
		],
		[
			"postgres://u@h/d?sslrootcert=system",
			{ tls: { ...tls, mode: "verify-full", rootCertificates: "system" } },
		],
		["postgres://u@h/d?ssl=true", { tls: { ...tls, mode: "require" } }],
		["postgres://u@h/d?sslcert=c&sslkey=k", { tls: { ...tls, client: { certificate: "c", key: "k" } } }],
		["postgres://u@h/d?channel_binding=prefer&gssencmode=disable", {}],
		["postgres://u@h/d?channel_binding=disable&keepalives=1&client_encoding=UTF8", {}],
		["postgres://u@h/d?target_session_attrs=read-write", { targetSession: "read-write" }],
		["postgres://u@h/d?connect_timeout=10", { connectTimeoutSeconds: 10 }],
		["postgres://u@h/d?application_name=a@b%3D%26", { applicationName: "a@b=&" }],
	];
	test.each([...meanings])("%s", (url, part) => {
		expect(parse(url)).toEqual(here(part));
	});

	test.each(["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const)(
		"sslmode=%s",
		(mode) => {
			expect(parse(`postgres://u@h/d?sslmode=${mode}`)).toEqual(here({ tls: { ...tls, mode } }));
		},
	);
});

describe("what is not supported is named, and says what to do instead", () => {
	test.each([
		["channel_binding=require", "has channel_binding, which is not supported: use sslmode=verify-full, "],
		["gssencmode=require", "has gssencmode, which is not supported: use sslmode=require"],
		["options=-c%20search_path%3Dx", "has options, which is not supported: set it for the role"],
		["service=x", "has service, which is not supported: write the host"],
		["passfile=/x", "has passfile, which is not supported: write the password into the URL"],
		["requirepeer=postgres", "has requirepeer, which is not supported: use a folder of sockets"],
		["hostaddr=192.0.2.1", "has hostaddr, which is not supported: use host"],
		["sslnegotiation=direct", "has sslnegotiation, which is not supported: use sslnegotiation=postgres"],
		["sslpassword=hunter2", "has sslpassword, which is not supported: use a key that has no password"],
		["keepalives_idle=9", "has keepalives_idle, which is not supported: remove it"],
		["pgbouncer=true", "has the parameter pgbouncer, which Postgres does not know: remove it"],
		["search_path=x", "has the parameter search_path, which Postgres does not know: remove it"],
		["constructor=1", "has the parameter constructor, which Postgres does not know: remove it"],
		["9=hunter2", "has a parameter that Postgres does not know: remove it"],
		["hunter2=a@b", "has an @ where no user or password can end: "],
		["sslmode=off", "has a sslmode that is none of disable, allow, prefer, require, verify-ca, verify-full"],
		["ssl=1", "has a ssl that is none of true"],
		["target_session_attrs=standby", "has a target_session_attrs that is none of any, primary, read-write"],
		["connect_timeout=0", "has a connect_timeout that is not a whole number of seconds from 1 to 300"],
		["connect_timeout=1.5", "has a connect_timeout that is not a whole number of seconds from 1 to 300"],
		["sslcert=/c", "has only one of sslcert and sslkey: write both"],
		["sslrootcert=system&sslmode=require", "has sslrootcert=system, which wants sslmode=verify-full"],
		["port=1,2,3", "has another number of ports than of hosts: write one port, or one for each host"],
		["hunter2", "has a part after its ? that is not name=value: "],
		["application_name=a=b", "has a part after its ? that is not name=value: "],
	])("?%s", (query, fault) => {
		const found = faults(`postgres://u:hunter2@h/d?${query}`);
		expect(found).toHaveLength(1);
		expect(found[0]).toStartWith(fault);
		expect(found.join()).not.toContain("hunter2");
	});
});

describe("a URL with a fault", () => {
	const strayAt =
		"has an @ where no user or password can end: in these, write %40 for @, %2F for /, %3F for ? and %23 for #";

	test.each([
		"postgres://app:/S3cret@h/db",
		"postgres://app:S3/cret@h/db",
		"postgres://app:12/S3cret@h/db",
		"postgres://app:x@S3cret@h/db",
		"postgres://app:x@S3/cret@h/db",
		"postgres://app:x@S3:cret/y@h/db?sslmode=S3cret",
		"postgres://app:/S3cret?a=b@h/@db",
		"postgres://S3?cret@h/db",
		"postgres://S3#cret:x@h/db",
	])("%s: what is left of a broken password is not shown", (url) => {
		expect(faults(url)).toEqual([strayAt]);
	});

	test.each([
		[
			"postgres://u:%@h/d",
			"has a % in its password without two hexadecimal digits after it: write %25 for %",
		],
		[
			"postgres://u:p%zz@h/d",
			"has a % in its password without two hexadecimal digits after it: write %25 for %",
		],
		[
			"postgres://u:p%4@h/d",
			"has a % in its password without two hexadecimal digits after it: write %25 for %",
		],
		["postgres://u%:p@h/d", "has a % in its user without two hexadecimal digits after it: write %25 for %"],
		[
			"postgres://u:p@h/d%",
			"has a % in its database without two hexadecimal digits after it: write %25 for %",
		],
		["postgres://u:p@h%/d", "has a % in its host without two hexadecimal digits after it: write %25 for %"],
		[
			"postgres://u:p@h/d?application_name=%",
			"has a % in its parameters without two hexadecimal digits after it: write %25 for %",
		],
		["postgres://u:p%FF@h/d", "has bytes in its password that are not UTF-8"],
		["postgres://u:p%C3@h/d", "has bytes in its password that are not UTF-8"],
		["postgres://u:p%00@h/d", "has a control character in its password"],
		["postgres://u:p@h/d\n", "has a control character in its database"],
		["postgres://u:p@h/d%1B", "has a control character in its database"],
		["postgres://u:p@h:0/d", "has a port that is not a whole number from 1 to 65535"],
		["postgres://u:p@h:65536/d", "has a port that is not a whole number from 1 to 65535"],
		["postgres://u:p@h:five/d", "has a port that is not a whole number from 1 to 65535"],
		["postgres://u:p@[::1/d", "has a host that is neither host:port nor [IPv6 address]:port"],
		["postgres://u:p@::1/d", "has a port that is not a whole number from 1 to 65535"],
		["postgres://u:p@[h]/d", "has a host that is neither host:port nor [IPv6 address]:port"],
		["postgres://u:p@h h/d", "has a host that is no name, no address and no folder of a socket"],
		[
			"postgres://u:p@%40abstract/d",
			"has an abstract socket as host, which is not supported: use a socket in a folder",
		],
	])("%j", (url, fault) => {
		expect(faults(url)).toEqual([fault]);
	});

	test("shows every fault at once", () => {
		expect(faults("postgres://u:%@h:x/d%FF?sslmode=on&service=a&connect_timeout=no")).toEqual([
			"has a % in its password without two hexadecimal digits after it: write %25 for %",
			"has bytes in its database that are not UTF-8",
			"has a port that is not a whole number from 1 to 65535",
			"has a sslmode that is none of disable, allow, prefer, require, verify-ca, verify-full",
			"has a connect_timeout that is not a whole number of seconds from 1 to 300",
			"has service, which is not supported: write the host, the port and the rest into the URL",
		]);
	});

	test("may be that of a process whose user has no name", () => {
		const nobody = { host: "localhost", user: () => undefined };
		expect(() => parsePostgresUrl("postgres://h/d", nobody)).toThrow(PostgresUrlError);
		expect(parsePostgresUrl("postgres://h/d?user=u", nobody)).toMatchObject({ user: "u" });
	});
});

describe("an address as a URL for pg_dump", () => {
	test.each([
		["postgres://u:hunter2@h/d", "postgres://u@h:5432/d"],
		["postgres://u@h/d?password=hunter2&sslmode=require", "postgres://u@h:5432/d?sslmode=require"],
		["postgres:///d?host=/var/run/postgresql", "postgres://me@/d?host=/var/run/postgresql&port=5432"],
		[
			"postgres://u@a,[::1]:6432/d?target_session_attrs=primary",
			"postgres://u@a:5432,[::1]:6432/d?target_session_attrs=primary",
		],
		["postgres://u%40%C3%BC:hunter2@h/d%20%3F", "postgres://u%40%C3%BC@h:5432/d%20%3F"],
		[
			"postgres://u@h/d?sslrootcert=/a%20b&sslmode=verify-full&sslcert=/c&sslkey=/k&connect_timeout=3",
			"postgres://u@h:5432/d?sslmode=verify-full&sslrootcert=/a%20b&sslcert=/c&sslkey=/k&connect_timeout=3",
		],
	])("%s", (url, expected) => {
		const written = libpqUrl(parse(url));
		expect(written).toBe(expected);
		expect(parse(written)).toEqual({ ...parse(url), password: "" });
	});

	test("its place names hosts, ports and database alone", () => {
		expect(placeOf(parse("postgres://u:p@a,[::1]:6432/d%20x?sslmode=require"))).toBe("a:5432,[::1]:6432/d x");
	});
});
