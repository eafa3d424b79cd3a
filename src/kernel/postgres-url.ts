/** A connection URI (PostgreSQL's manual, 34.1.1.2), cut into its parts. */
export interface PostgresUrl {
	/** The parts by the names that they have as parameters. A parameter of the query replaces a part before it. */
	readonly parameters: ReadonlyMap<string, string>;
	/** One sentence each, without a value. If there is a fault, the parts are not to be used. */
	readonly faults: readonly string[];
	/** Whether an `@` in the query shows that the query may be a piece of the password. Then no name of it is shown. */
	readonly isDoubtful: boolean;
}

/** The fault where a part may be a piece of the password. */
export const strayAt =
	"has an @ where no user or password can end: in these, write %40 for @, %2F for /, %3F for ? and %23 for #";

/** Cuts where libpq cuts, so that a URL means what it means to psql. */
export function splitPostgresUrl(text: string): PostgresUrl {
	const rest = text.slice(text.indexOf("://") + "://".length);
	// The first @, if no / is before it. So a password may have : ? and # as they are, but neither @ nor /.
	const [credentials = "", user = "", password = ""] = /^([^@/:]*)(?::([^@/]*))?@/.exec(rest) ?? [];
	const [, hosts = "", path = "", query = ""] =
		/^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest.slice(credentials.length)) ?? [];
	// Where the password has broken the URL, the other parts may be pieces of it: nothing else is said about them.
	if (/@/.test(hosts + path) || /[?#]/.test(user)) {
		return { parameters: new Map(), faults: [strayAt], isDoubtful: true };
	}
	const faults: string[] = [];
	const pairs = [
		["user", decode(user, "user", faults)],
		["password", decode(password, "password", faults)],
		...splitHosts(hosts, faults),
		["dbname", decode(path, "database", faults)],
		...splitQuery(query, faults),
	] as const;
	const given = pairs.filter(([, value]) => value !== "");
	return { parameters: new Map(given), faults, isDoubtful: query.includes("@") };
}

type Pair = readonly [name: string, value: string];

/** `host:port,[address]:port,…` as two lists, which libpq has in `host` and `port`. */
function splitHosts(text: string, faults: string[]): readonly Pair[] {
	const hosts = text.split(",").map((host) => {
		const parts = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:[\]]*))(?::(.*))?$/s.exec(host);
		if (parts === null) faults.push("has a host that is neither host:port nor [IPv6 address]:port");
		const [, address, name = "", port = ""] = parts ?? [];
		return { name: decode(address ?? name, "host", faults), port: decode(port, "port", faults) };
	});
	return [
		["host", listed(hosts.map(({ name }) => name))],
		["port", listed(hosts.map(({ port }) => port))],
	];
}

/** Empty if every element is. */
function listed(values: readonly string[]): string {
	return values.every((value) => value === "") ? "" : values.join(",");
}

function splitQuery(text: string, faults: string[]): readonly Pair[] {
	if (text === "") return [];
	return text.split("&").map((pair): Pair => {
		const [name = "", value, ...more] = pair.split("=");
		if (name === "" || value === undefined || more.length > 0)
			faults.push("has a part after its ? that is not name=value: write %3D for = and %26 for & in a value");
		return [decode(name, "parameters", faults), decode(value ?? "", "parameters", faults)];
	});
}

function decode(text: string, part: string, faults: string[]): string {
	if (/%(?![0-9a-f]{2})/i.test(text)) {
		faults.push(`has a % in its ${part} without two hexadecimal digits after it: write %25 for %`);
		return "";
	}
	try {
		const decoded = decodeURIComponent(text);
		if (part === "password" ? decoded.includes("\0") : /\p{Cc}/u.test(decoded))
			faults.push(`has a control character in its ${part}`);
		return decoded;
	} catch {
		faults.push(`has bytes in its ${part} that are not UTF-8`);
		return "";
	}
}
