import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { newFolder } from "./databases.ts";
import { freePort } from "./ports.ts";
import { skipped } from "./skips.ts";
import { onEnd } from "./teardown.ts";

/** The program of Debian's package, which no user's PATH need have. */
const program = Bun.which("pgbouncer") ?? Bun.which("/usr/sbin/pgbouncer");

/**
 * A PgBouncer in front of a Postgres, for every database of it. Returns the function that leads a URL of that server
 * through it; undefined, and noted as skipped, where there is no PgBouncer.
 */
export async function startPgBouncer(
	server: string,
	mode: "session" | "transaction",
): Promise<((url: string) => string) | undefined> {
	if (program === null) return skipped("PgBouncer", "install the package pgbouncer");
	const { hostname, port, username, password } = new URL(server);
	const folder = newFolder();
	const file = join(folder, "pgbouncer.ini");
	const listenPort = freePort();
	writeFileSync(
		file,
		`[databases]
* = host=${hostname} port=${port} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = 20
max_client_conn = 1000
server_idle_timeout = 1
`,
	);
	// As root it must switch to another user, who then reads the file.
	chmodSync(folder, 0o755);
	const asUser = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
	const child = Bun.spawn([program, ...asUser, file], { stdout: "ignore", stderr: "pipe" });
	onEnd(() => child.kill("SIGKILL"));
	await listening(child.stderr);
	return (url) => {
		const through = new URL(url);
		through.host = `127.0.0.1:${listenPort}`;
		return through.href;
	};
}

/** Resolves when it says that it listens; reads on, so that it is never held up. */
async function listening(output: ReadableStream<Uint8Array>): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	void (async () => {
		let printed = "";
		const text = new TextDecoder();
		for await (const chunk of output) {
			printed += text.decode(chunk, { stream: true });
			if (printed.includes("process up")) resolve();
		}
		reject(new Error(`PgBouncer ended:\n${printed}`));
	})();
	await promise;
}
