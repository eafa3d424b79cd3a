import { expect, test } from "bun:test";
import { post } from "../support/jobs.ts";
import { startServer, testApiKey } from "../support/server.ts";
import { skipped } from "../support/skips.ts";
import { onEnd } from "../support/teardown.ts";

const root = `${import.meta.dir}/../..`;
const server = await startServer({ DATABASE_URL: "sqlite://:memory:" });

const python = Bun.which("python3") ?? skipped("python3", "install it to run examples/worker.py");
const examples = [
	["TypeScript", [process.execPath, "examples/worker.ts"]],
	...(python === undefined ? [] : [["Python", [python, "examples/worker.py"]] as const]),
] as const;

for (const [language, command] of examples) {
	test(`the example worker in ${language} completes its jobs, and fails the one it cannot do`, async () => {
		const queue = `of ${language}`;
		const child = Bun.spawn([...command], {
			cwd: root,
			env: { PATH: Bun.env.PATH ?? "", URL: server.url, API_KEY: testApiKey, QUEUE: queue },
			stdout: "pipe",
			stderr: "inherit",
		});
		onEnd(() => child.kill("SIGKILL"));
		const { job } = await post(server.url, "/jobs", { kind: "shout", queue, payload: { text: "hello" } });
		const { job: broken } = await post(server.url, "/jobs", { kind: "shout", queue, max_attempts: 1 });
		const ended = async (id: string) => {
			for (;;) {
				const found = await server.storage.jobs.find(1, id);
				if (found?.state === "succeeded" || found?.state === "dead") return found;
				await Bun.sleep(20);
			}
		};
		expect(await ended(job.id)).toMatchObject({
			state: "succeeded",
			result: '{"shouted":"HELLO"}',
			fence: 1,
		});
		expect((await ended(broken.id)).error).toMatch(/null|None/);
		child.kill("SIGKILL");
		expect(await child.stdout.text()).toContain(`${job.id} fence 1: HELLO`);
	});
}

test("the session in docs/jobs.md works as pasted", async () => {
	const text = await Bun.file(`${root}/docs/jobs.md`).text();
	const session = /```sh\n(export API_KEYS.*?)```/s.exec(text)?.[1] ?? "";
	const script = session
		.replace(/^export API_KEYS=.*\nbun start &\nURL=.*$/m, `API_KEYS=${testApiKey}\nURL=${server.url}`)
		.trim();
	expect(script).toStartWith(`API_KEYS=${testApiKey}\nURL=`);
	const child = Bun.spawn(["sh", "-ec", script], { stdout: "pipe", stderr: "inherit" });
	const answers = (await child.stdout.text())
		.trim()
		.split("\n")
		.map((line) => JSON.parse(line));
	expect(await child.exited).toBe(0);
	const [enqueued, leased, beaten, done, found, stats] = answers;
	expect(enqueued.state).toBe("queued");
	expect(leased.items[0].id).toBe(enqueued.id);
	expect(beaten.progress).toBe(40);
	expect(done).toMatchObject({ state: "succeeded", result: { sent: true } });
	expect(found).toEqual(done);
	expect(stats.kind).toBe("job_stats");
});
