import { type PostgresUrl, strayAt } from "./postgres-url.ts";

/** Every fault of a URL, each as the rest of a sentence that begins with the variable's name. None repeats a value. */
export class PostgresUrlError extends Error {
	override readonly name = "PostgresUrlError";

	constructor(readonly faults: readonly string[]) {
		super("The URL has faults.");
	}
}

/** Reads the parts of a URL one by one. Whatever nobody has read is a fault at the end. */
export class PostgresParameters {
	readonly #unread: Set<string>;
	readonly #faults: string[];

	constructor(private readonly url: PostgresUrl) {
		this.#unread = new Set(url.parameters.keys());
		this.#faults = [...url.faults];
	}

	text(name: string): string | undefined {
		this.#unread.delete(name);
		return this.url.parameters.get(name);
	}

	oneOf<T extends string>(name: string, allowed: readonly T[]): T | undefined {
		const text = this.text(name);
		const found = allowed.find((value) => value === text);
		if (text !== undefined && found === undefined)
			this.fault(`has a ${name} that is none of ${allowed.join(", ")}`);
		return found;
	}

	fault(message: string): void {
		this.#faults.push(message);
	}

	finish(): void {
		for (const name of this.#unread) this.#refuse(name, this.url.parameters.get(name) ?? "");
		if (this.#faults.length > 0) throw new PostgresUrlError([...new Set(this.#faults)]);
	}

	#refuse(name: string, value: string): void {
		if (withoutEffect.get(name)?.includes(value)) return;
		const advice = unsupported.get(name);
		if (advice !== undefined) this.fault(`has ${name}, which is not supported: ${advice}`);
		else if (this.url.isDoubtful) this.fault(strayAt);
		else if (/^[a-z][a-z_]{0,31}$/i.test(name))
			this.fault(`has the parameter ${name}, which Postgres does not know: remove it`);
		else this.fault("has a parameter that Postgres does not know: remove it");
	}
}

/** Values with which a parameter of libpq asks for nothing that this program does not do. */
const withoutEffect = new Map<string, readonly string[]>(
	Object.entries({
		channel_binding: ["disable", "prefer"],
		client_encoding: ["UTF8", "UTF-8", "utf8", "utf-8", "auto"],
		gssencmode: ["disable", "prefer"],
		keepalives: ["1"],
		load_balance_hosts: ["disable"],
		replication: ["0", "false", "no", "off"],
		sslcompression: ["0"],
		sslnegotiation: ["postgres"],
		sslsni: ["1"],
	}),
);

const tooSpecial = "remove it";
const noKerberos = "remove it, and log in by a password or a certificate";

/** Every other parameter of libpq 18, and what to do instead. */
const unsupported = new Map(
	Object.entries({
		channel_binding: "use sslmode=verify-full, which proves by its certificate who the server is",
		client_encoding: "remove it; it is always UTF8",
		fallback_application_name: "use application_name",
		gssdelegation: noKerberos,
		gssencmode: "use sslmode=require, or stronger",
		gsslib: noKerberos,
		hostaddr: "use host",
		keepalives: tooSpecial,
		keepalives_count: tooSpecial,
		keepalives_idle: tooSpecial,
		keepalives_interval: tooSpecial,
		krbsrvname: noKerberos,
		load_balance_hosts: "remove it; hosts are tried in their order",
		max_protocol_version: tooSpecial,
		min_protocol_version: tooSpecial,
		oauth_client_id: "remove it, and log in by a password or a certificate",
		oauth_client_secret: "remove it, and log in by a password or a certificate",
		oauth_issuer: "remove it, and log in by a password or a certificate",
		oauth_scope: "remove it, and log in by a password or a certificate",
		options: "set it for the role, by ALTER ROLE … SET …",
		passfile: "write the password into the URL",
		replication: tooSpecial,
		require_auth: "use sslmode=verify-full, which proves by its certificate who the server is",
		requirepeer: "use a folder of sockets into which only the server's user can write",
		scram_client_key: "write the password into the URL",
		scram_server_key: "write the password into the URL",
		service: "write the host, the port and the rest into the URL",
		servicefile: "write the host, the port and the rest into the URL",
		ssl: "use sslmode",
		ssl_max_protocol_version: "remove it; set it at the server",
		ssl_min_protocol_version: "remove it; set it at the server",
		sslcertmode: "remove it; sslcert and sslkey are sent if the server asks for them",
		sslcompression: tooSpecial,
		sslcrl: "remove it; revocation lists are not read",
		sslcrldir: "remove it; revocation lists are not read",
		sslkeylogfile: tooSpecial,
		sslnegotiation: "use sslnegotiation=postgres",
		sslpassword: "use a key that has no password",
		sslsni: tooSpecial,
		tcp_user_timeout: "use connect_timeout",
	}),
);
