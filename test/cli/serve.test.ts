import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { connect } from "node:net";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { durableDatabases, newFolder } from "../support/databases.ts";
import { freePort } from "../support/ports.ts";
import { runProgram, startProcess } from "../support/process.ts";

// The tests start whole processes.
setDefaultTimeout(60_000);

/** The executable: it starts in half the time of the source, and is what users run. */
const program = [await binary()];

const login = JSON.stringify({ email: "ada@example.com", password: "correct horse battery" });
const devUser = { DEV_USER_EMAIL: "Ada@example.com", DEV_USER_PASSWORD: "correct horse battery" };

for (const { name, newUrl } of durableDatabases) {
	describe(name, () => {
		test("with no user and none in the environment, one is created and shown once, with a line to paste", async () => {
			const env = { DATABASE_URL: await newUrl(), LOG_FORMAT: "pretty" };
			const first = await startProcess(program, env);
			const line = /^ {2}(curl .*)$/m.exec(first.output())?.[1] ?? "";
			const pasted = Bun.spawn(["sh", "-c", line], { stdout: "pipe" });
			expect(await pasted.stdout.text()).toMatch(
				/^\{"access_token":"[\w.-]+","expires_in":3600,"token_type":"bearer"\}$/,
			);
			await first.end("SIGTERM");
			expect(first.errors()).toBe("");
			const secret = /Password: +(\S+)/.exec(first.output())?.[1] ?? "";
			expect(secret).toMatch(/^[\w-]{20}$/);
			// In its own line, and in the one to paste.
			expect(first.output().split(secret)).toHaveLength(3);

			const second = await startProcess(program, env);
			expect(second.output()).not.toContain("Password");
			await second.end("SIGTERM");
			expect((await runProgram([...program, "user", "list"], env)).stdout).toBe("admin@localhost\n");
		});

		test.each(["info", "silent"])(
			"a log of JSON has no other line, at level %s: the first user's password goes to standard error, once",
			async (level) => {
				const env = { DATABASE_URL: await newUrl(), LOG_LEVEL: level };
				const first = await startProcess(program, env);
				const [, email, secret = ""] = /First user: +(\S+)\n +Password: +(\S+)/.exec(first.errors()) ?? [];
				expect(await status(`${first.url}/auth/login`, JSON.stringify({ email, password: secret }))).toBe(
					200,
				);
				await first.end("SIGTERM");
				expect(first.output().split(secret)).toHaveLength(2);
				const lines = first.output().replace(first.errors(), "").trimEnd().split("\n");
				const logged = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
				expect(logged.filter(({ msg }) => msg === "Ready.")).toEqual([
					{ level: 30, time: expect.any(String), url: first.url, msg: "Ready." },
				]);
				if (level === "silent") expect(logged).toHaveLength(1);
				const again = await startProcess(program, env);
				await again.end("SIGTERM");
				expect(again.errors()).toBe("");
			},
		);

		test("the user in the environment is created, and not changed afterwards", async () => {
			const env = { DATABASE_URL: await newUrl() };
			const first = await startProcess(program, { ...env, ...devUser });
			expect(await status(`${first.url}/auth/login`, login)).toBe(200);
			expect(first.output()).not.toContain("correct horse");
			await first.end("SIGTERM");
			const again = await startProcess(program, {
				...env,
				...devUser,
				DEV_USER_PASSWORD: "another horse",
			});
			expect(await status(`${again.url}/auth/login`, login)).toBe(200);
			await again.end("SIGTERM");
		});

		test("/healthz is 200 once the user of the environment can log in, and not before", async () => {
			const port = freePort();
			const url = `http://127.0.0.1:${port}`;
			const env = { ...devUser, DATABASE_URL: await newUrl(), PORT: String(port) };
			const starting = startProcess(program, env);
			while ((await fetch(`${url}/healthz`).catch(() => undefined))?.status !== 200) await Bun.sleep(1);
			expect(await status(`${url}/auth/login`, login)).toBe(200);
			await (await starting).end("SIGTERM");
		});

		test("a port in use is one sentence, and no user is created whose password nobody saw", async () => {
			const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
			const env = { DATABASE_URL: await newUrl(), PORT: String(taken.port), LOG_LEVEL: "silent" };
			expect(await runProgram(program, env)).toEqual({
				code: 1,
				stdout: "",
				stderr: `orchestrator: Cannot listen on 127.0.0.1:${taken.port}: the port is in use.\n`,
			});
			taken.stop(true);
			expect((await runProgram([...program, "user", "list"], env)).stdout).toBe("");
		});

		test("two servers do not share a port", async () => {
			const first = await startProcess(program, { DATABASE_URL: await newUrl() });
			const { port } = new URL(first.url);
			const second = await runProgram(program, { DATABASE_URL: await newUrl(), PORT: port });
			expect(second.code).toBe(1);
			expect(second.stderr).toContain("the port is in use");
			await first.end("SIGTERM");
		});

		test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
			"%s: requests in progress are finished, and the exit code is 0",
			async (signal) => {
				const server = await startProcess(program, { DATABASE_URL: await newUrl(), ...devUser });
				const request = await slowLogin(server.url);
				server.signal(signal);
				await until(() => server.output().includes('"Stopping."'));
				request.finish();
				expect(await request.answer).toStartWith("HTTP/1.1 200 ");
				expect(await server.exited).toBe(0);
				expect(server.output()).toContain(`"signal":"${signal}"`);
			},
		);

		test("a second SIGHUP, which a closed terminal brings, ends nothing early", async () => {
			const server = await startProcess(program, { DATABASE_URL: await newUrl(), ...devUser });
			const request = await slowLogin(server.url);
			server.signal("SIGHUP");
			await until(() => server.output().includes('"Stopping."'));
			server.signal("SIGHUP");
			await Bun.sleep(100);
			request.finish();
			expect(await request.answer).toStartWith("HTTP/1.1 200 ");
			expect(await server.exited).toBe(0);
		});

		test("under nohup SIGHUP is ignored, and SIGTERM is not", async () => {
			const command = ["sh", "-c", 'trap "" HUP; exec "$0"', ...program];
			const server = await startProcess(command, { DATABASE_URL: await newUrl() });
			server.signal("SIGHUP");
			await Bun.sleep(100);
			expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
			expect(await server.end("SIGTERM")).toBe(0);
			expect(server.output()).toContain('"signal":"SIGTERM"');
		});

		test("a second signal exits at once, whatever is in progress", async () => {
			const server = await startProcess(program, { DATABASE_URL: await newUrl(), ...devUser });
			const request = await slowLogin(server.url);
			server.signal("SIGTERM");
			await until(() => server.output().includes('"Stopping."'));
			server.signal("SIGINT");
			expect(await server.exited).toBe(1);
			expect(await request.answer).toBe("");
		});
	});
}

test("who listens beyond this machine while reads are public is told so, once", async () => {
	const memory = { DATABASE_URL: "sqlite://:memory:" };
	const said = async (env: Record<string, string>) => {
		const server = await startProcess(program, { ...memory, ...env });
		await server.end("SIGTERM");
		return server.output().match(/.*READS is public.*/g) ?? [];
	};
	for (const HOST of ["0.0.0.0", "::"]) {
		const lines = await said({ HOST });
		expect(lines.map((line) => JSON.parse(line))).toEqual([
			{
				level: 40,
				time: expect.any(String),
				host: HOST,
				msg: `READS is public and HOST is ${HOST}: whoever reaches this port can read every task and its events without a login. READS=login asks for one.`,
			},
		]);
	}
	for (const env of [{}, { HOST: "localhost" }, { HOST: "127.0.0.2" }, { HOST: "0.0.0.0", READS: "login" }]) {
		expect([env, await said(env)]).toEqual([env, []]);
	}
});

test("the greeting of a server whose reads want a login offers nothing that is refused", async () => {
	const env = { DATABASE_URL: "sqlite://:memory:", READS: "login", LOG_FORMAT: "pretty", ...devUser };
	const server = await startProcess(program, env);
	const line = /^ {2}(curl .*)$/m.exec(server.output())?.[1] ?? "";
	const pasted = Bun.spawn(["sh", "-c", `${line} -w '%{http_code}' -o /dev/null`], { stdout: "pipe" });
	expect(await pasted.stdout.text()).toBe("200");
	await server.end("SIGTERM");
});

describe("healthcheck", () => {
	test("exits 0 if the server is healthy, also with HTTP_PROXY set, else 1 with a sentence", async () => {
		const server = await startProcess(program, { DATABASE_URL: "sqlite://:memory:", HOST: "0.0.0.0" });
		const { port } = new URL(server.url);
		const check = () =>
			runProgram([...program, "healthcheck"], {
				HOST: "0.0.0.0",
				PORT: port,
				HTTP_PROXY: `http://127.0.0.1:${freePort()}`,
			});
		expect(await check()).toEqual({ code: 0, stdout: "", stderr: "" });
		await server.end("SIGTERM");
		expect(await check()).toEqual({
			code: 1,
			stdout: "",
			stderr: `orchestrator: http://127.0.0.1:${port}/healthz does not answer.\n`,
		});
	});

	test("exits 1 if the server answers 503", async () => {
		const unhealthy = Bun.serve({
			port: 0,
			hostname: "127.0.0.1",
			fetch: () => new Response("", { status: 503 }),
		});
		const { port } = unhealthy;
		const { code, stderr } = await runProgram([...program, "healthcheck"], { PORT: String(port) });
		await unhealthy.stop(true);
		expect({ code, stderr }).toEqual({
			code: 1,
			stderr: `orchestrator: http://127.0.0.1:${port}/healthz answered 503.\n`,
		});
	});
});

test("openapi prints the document that the server serves, and makes no file", async () => {
	const cwd = newFolder();
	const { code, stdout, stderr } = await runProgram([...program, "openapi"], {}, { cwd });
	expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
	const server = await startProcess(program, { DATABASE_URL: "sqlite://:memory:" });
	expect(stdout).toBe(`${await (await fetch(`${server.url}/swagger/json`)).text()}\n`);
	await server.end("SIGTERM");
	expect([...new Bun.Glob("**").scanSync({ cwd, dot: true })]).toEqual([]);
});

test("a relative path is relative to the working directory", async () => {
	const cwd = newFolder();
	await runProgram([...program, "migrate"], { DATABASE_URL: "sqlite:///./here.db" }, { cwd });
	expect(await Bun.file(join(cwd, "here.db")).exists()).toBe(true);
});

async function status(url: string, body: string): Promise<number> {
	return (await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body })).status;
}

/** A login that the server has begun to receive; `finish` sends the rest. */
async function slowLogin(url: string): Promise<{ finish(): void; readonly answer: Promise<string> }> {
	const { hostname, port } = new URL(url);
	const socket = connect(Number(port), hostname);
	const { promise: begun, resolve: hasBegun } = Promise.withResolvers<void>();
	const interim = "HTTP/1.1 100 Continue\r\n\r\n";
	let text = "";
	const answer = new Promise<string>((resolve) => {
		socket.on("data", (chunk) => {
			text += chunk;
			if (text.startsWith(interim)) hasBegun();
		});
		socket.on("error", () => {});
		socket.on("close", () => resolve(text.slice(interim.length)));
	});
	const head = [
		"POST /auth/login HTTP/1.1",
		"Host: x",
		"Connection: close",
		"Content-Type: application/json",
		`Content-Length: ${login.length}`,
		// The server confirms the headers: from then on the request is in progress.
		"Expect: 100-continue",
	];
	socket.write(`${head.join("\r\n")}\r\n\r\n`);
	await begun;
	return { finish: () => socket.write(login), answer };
}

async function until(holds: () => boolean): Promise<void> {
	while (!holds()) await Bun.sleep(5);
}
