import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { isEmail, isPassword, passwordLengthMax, passwordLengthMin } from "./kernel/credentials.ts";
import { type LogOptions, logFormats, logLevels } from "./kernel/log-options.ts";
import { type PostgresAddress, parsePostgresUrl } from "./kernel/postgres-address.ts";
import { PostgresUrlError } from "./kernel/postgres-parameters.ts";

/** The only reader of the environment. Everything is checked at once, so that one start shows every fault. */

export type DatabaseAddress =
	| { readonly kind: "sqlite" /** A file's path, or `:memory:`. */; readonly path: string }
	| {
			readonly kind: "postgres";
			readonly server: PostgresAddress;
			readonly poolMax: number;
			/** Whether sessions are the program's own: `LISTEN` and named statements work. */
			readonly listens: boolean;
	  };

/** At most `requestsMax` requests in a window of `windowSeconds`. */
export interface Rate {
	readonly requestsMax: number;
	readonly windowSeconds: number;
}

export interface Config extends LogOptions {
	readonly host: string;
	readonly port: number;
	readonly database: DatabaseAddress;
	/** Absent: the one kept in the database is used. */
	readonly jwtSecret: string | undefined;
	readonly jwtExpireMinutes: number;
	readonly devUser: { readonly email: string; readonly password: string } | undefined;
	readonly apiKeys: readonly string[];
	readonly corsOrigins: readonly string[];
	readonly rateLimit: Rate | undefined;
	readonly loginRateLimit: Rate | undefined;
	/** For requests with a valid JWT, by user. */
	readonly userRateLimit: Rate | undefined;
	/** For the requests of workers with a valid key. */
	readonly workerRateLimit: Rate | undefined;
	/** Absent: limits are counted in this process alone. */
	readonly redisUrl: string | undefined;
	readonly trustProxy: number;
	/** How long a connection may wait for its next request. */
	readonly idleTimeoutSeconds: number;
	readonly bodyBytesMax: number;
	readonly sseKeepaliveSeconds: number;
	readonly eventsRetentionHours: number;
	readonly eventStreamsMax: number;
	readonly jobsRetentionHours: number;
	readonly metrics: boolean;
	/** Who may read tasks and events: everybody, or who has logged in. */
	readonly reads: "public" | "login";
}

/** Every fault of the environment, one line each. No line repeats a secret. */
export class ConfigError extends Error {
	override readonly name = "ConfigError";

	constructor(readonly faults: readonly string[]) {
		super(`The environment has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}.`);
	}
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads and checks the environment. Throws `ConfigError` with all faults. An empty value counts as absent. */
export function readConfig(env: Environment, isTerminal: boolean): Config {
	const read = new Reader(env);
	const poolMax = read.integer("DATABASE_POOL", 10, 1, 1000);
	const listens = read.oneOf("DATABASE_LISTEN", "on", ["on", "off"] as const) === "on";
	const config: Config = {
		host: read.text("HOST", "127.0.0.1"),
		port: read.integer("PORT", 8000, 0, 65535),
		database: read.parsed("DATABASE_URL", "sqlite:///./orchestrator.db", (url) =>
			databaseAddress(url, poolMax, listens),
		),
		jwtSecret: read.optional("JWT_SECRET", jwtSecret),
		jwtExpireMinutes: read.integer("JWT_EXPIRE_MINUTES", 60, 1, 525_600),
		devUser: devUser(read),
		apiKeys: read.parsed("API_KEYS", "", apiKeys),
		corsOrigins: read.parsed("CORS_ORIGINS", "http://localhost:3001", origins),
		rateLimit: read.parsed("RATE_LIMIT", "60/minute", rate),
		loginRateLimit: read.parsed("LOGIN_RATE_LIMIT", "10/minute", rate),
		userRateLimit: read.parsed("USER_RATE_LIMIT", "600/minute", rate),
		workerRateLimit: read.parsed("WORKER_RATE_LIMIT", "off", rate),
		redisUrl: read.parsed("REDIS_URL", "memory://", redisUrl),
		trustProxy: read.integer("TRUST_PROXY", 0, 0, 16),
		// Bun counts in steps of 4 s, up to 255.
		idleTimeoutSeconds: read.integer("IDLE_TIMEOUT_SECONDS", 75, 5, 255),
		bodyBytesMax: read.integer("MAX_BODY_BYTES", 1_048_576, 1024, 268_435_456),
		sseKeepaliveSeconds: read.integer("SSE_KEEPALIVE_SECONDS", 15, 1, 3600),
		eventsRetentionHours: read.decimal("EVENTS_RETENTION_HOURS", 168, 876_000),
		eventStreamsMax: read.integer("EVENTS_STREAMS_MAX", 10_000, 1, 1_000_000),
		jobsRetentionHours: read.decimal("JOBS_RETENTION_HOURS", 168, 876_000),
		metrics: read.oneOf("METRICS", "off", ["off", "on"] as const) === "on",
		reads: read.oneOf("READS", "public", ["public", "login"] as const),
		logLevel: read.oneOf("LOG_LEVEL", "info", logLevels),
		logFormat: read.oneOf("LOG_FORMAT", isTerminal ? "pretty" : "json", logFormats),
	};
	read.finish();
	return config;
}

/** Why a value does not fit; `Reader` puts the variable's name before each reason. */
class Unfit extends Error {
	readonly reasons: readonly string[];

	constructor(...reasons: string[]) {
		super();
		this.reasons = reasons;
	}
}

class Reader {
	readonly #faults: string[] = [];

	constructor(private readonly env: Environment) {}

	text(name: string, fallback: string): string {
		return this.env[name] || fallback;
	}

	integer(name: string, fallback: number, least: number, most: number): number {
		return this.parsed(name, String(fallback), (text) => {
			const value = Number(text);
			if (/^\d{1,15}$/.test(text) && value >= least && value <= most) return value;
			throw new Unfit(`must be a whole number from ${least} to ${most}`);
		});
	}

	/** Above zero. */
	decimal(name: string, fallback: number, most: number): number {
		return this.parsed(name, String(fallback), (text) => {
			const value = Number(text);
			if (/^\d{1,9}(\.\d{1,9})?$/.test(text) && value > 0 && value <= most) return value;
			throw new Unfit(`must be a number above 0, and ${most} at most`);
		});
	}

	oneOf<T extends string>(name: string, fallback: T, allowed: readonly T[]): T {
		return this.parsed(name, fallback, (text) => {
			const found = allowed.find((value) => value === text);
			if (found === undefined) throw new Unfit(`must be one of ${allowed.join(", ")}`);
			return found;
		});
	}

	optional<T>(name: string, parse: (text: string) => T): T | undefined {
		return this.env[name] ? this.parsed<T | undefined>(name, "", parse) : undefined;
	}

	parsed<T>(name: string, fallback: string, parse: (text: string) => T): T {
		try {
			return parse(this.text(name, fallback));
		} catch (error) {
			if (!(error instanceof Unfit)) throw error;
			for (const reason of error.reasons) this.fault(name, reason);
			return undefined as T; // never seen: finish() throws
		}
	}

	fault(name: string, message: string): void {
		this.#faults.push(`${name} ${message}`);
	}

	finish(): void {
		if (this.#faults.length > 0) throw new ConfigError(this.#faults);
	}
}

function databaseAddress(text: string, poolMax: number, listens: boolean): DatabaseAddress {
	if (text === "sqlite://:memory:") return { kind: "sqlite", path: ":memory:" };
	const path = /^sqlite:\/\/\/(.+)$/.exec(text)?.[1];
	if (path !== undefined && !/[?#]/.test(path)) return { kind: "sqlite", path };
	if (/^postgres(ql)?:\/\//.test(text)) {
		return { kind: "postgres", server: postgresAddress(text), poolMax, listens };
	}
	throw new Unfit(
		"must be sqlite:///./file.db, sqlite:////absolute/file.db, sqlite://:memory: or postgres://…",
	);
}

function postgresAddress(text: string): PostgresAddress {
	try {
		return parsePostgresUrl(text, { host: postgresHost[process.platform] ?? "localhost", user: systemUser });
	} catch (error) {
		throw error instanceof PostgresUrlError ? new Unfit(...error.faults) : error;
	}
}

/** Where the usual builds of libpq look for the server if no host is given. */
const postgresHost: Readonly<Record<string, string>> = { darwin: "/tmp", linux: "/var/run/postgresql" };

/** The name of this process's user. Bun takes it from `USER`, which a service often lacks. */
function systemUser(): string | undefined {
	const { uid, username } = userInfo();
	try {
		const lines = readFileSync("/etc/passwd", "utf8").split("\n");
		const found = lines.map((line) => line.split(":")).find(([, , id]) => id === String(uid));
		if (found?.[0]) return found[0];
	} catch {
		// Not every system has the file.
	}
	return username === "unknown" ? undefined : username;
}

function jwtSecret(text: string): string {
	if (new TextEncoder().encode(text).length >= 32) return text;
	throw new Unfit("must have at least 32 bytes");
}

function devUser(read: Reader): Config["devUser"] {
	const email = read.optional("DEV_USER_EMAIL", (text) => {
		if (isEmail(text)) return text;
		throw new Unfit("must be an e-mail address");
	});
	const password = read.optional("DEV_USER_PASSWORD", (text) => {
		if (isPassword(text)) return text;
		throw new Unfit(`must have ${passwordLengthMin} to ${passwordLengthMax} characters`);
	});
	if (Boolean(read.text("DEV_USER_EMAIL", "")) !== Boolean(read.text("DEV_USER_PASSWORD", ""))) {
		read.fault("DEV_USER_EMAIL and DEV_USER_PASSWORD", "must be set together");
	}
	return email !== undefined && password !== undefined ? { email, password } : undefined;
}

function apiKeys(text: string): readonly string[] {
	const keys = list(text);
	if (keys.every((key) => /^[\x21-\x7e]{16,256}$/.test(key))) return keys;
	throw new Unfit("must be keys of 16 to 256 visible ASCII characters, separated by commas");
}

function origins(text: string): readonly string[] {
	const found = list(text);
	if (found.every(isOrigin)) return found;
	throw new Unfit(
		"must be origins as browsers send them, such as https://app.example.com or tauri://localhost, separated by commas",
	);
}

/** Scheme, host and port, in the spelling that browsers send. Not by `URL.origin`, which is null for `tauri:` and others. */
function isOrigin(text: string): boolean {
	if (!URL.canParse(text) || text.includes("*")) return false;
	const { protocol, host } = new URL(text);
	return host !== "" && text === `${protocol}//${host}`;
}

function rate(text: string): Rate | undefined {
	if (text === "off") return undefined;
	const [, count, unit] = /^([1-9]\d{0,8})\/(second|minute|hour)$/.exec(text) ?? [];
	if (count === undefined) throw new Unfit("must be N/second, N/minute, N/hour or off");
	const windowSeconds = unit === "second" ? 1 : unit === "minute" ? 60 : 3600;
	return { requestsMax: Number(count), windowSeconds };
}

function redisUrl(text: string): string | undefined {
	if (text === "memory://") return undefined;
	if (/^rediss?:\/\//.test(text) && URL.canParse(text)) return text;
	throw new Unfit("must be memory://, redis://… or rediss://…");
}

function list(text: string): readonly string[] {
	return text
		.split(",")
		.map((part) => part.trim())
		.filter((part) => part !== "");
}
