import { describe, expect, test } from "bun:test";
import { durableDatabases } from "../support/databases.ts";
import { fromSource, startProcess } from "../support/process.ts";
import { startServer } from "../support/server.ts";

const JWT_SECRET = "a secret that both processes share";

describe.each([...durableDatabases])("two processes on $name", ({ newUrl }) => {
	test("what one has answered is what the other reads next, however many reads it keeps in memory meanwhile", async () => {
		const DATABASE_URL = await newUrl();
		const writer = await startServer({ DATABASE_URL, JWT_SECRET });
		const reader = await startProcess(fromSource, { DATABASE_URL, JWT_SECRET, LOG_LEVEL: "error" });
		const list = `${reader.url}/collab/state/tasks?limit=1`;
		const send = async (method: string, path: string, body: object) => {
			const headers = {
				authorization: writer.bearer,
				"content-type": "application/json",
				"if-match": "*",
			};
			const response = await fetch(writer.url + path, { method, headers, body: JSON.stringify(body) });
			expect(response.status).toBe(200);
			return response.text();
		};

		/** Keeps the reader's turns of the event loop long, so that many requests share one look. */
		let isOver = false;
		const noise = Promise.all(
			Array.from({ length: 24 }, async () => {
				while (!isOver) await (await fetch(list)).text();
			}),
		);
		const { id } = JSON.parse(await send("POST", "/collab/tasks", { title: "0" })) as { id: string };
		for (let round = 1; round <= 300; round++) {
			const changed = await send("PATCH", `/collab/tasks/${id}`, { title: `${round}` });
			const [one, page] = await Promise.all([fetch(`${reader.url}/collab/tasks/${id}`), fetch(list)]);
			expect(await one.text()).toBe(changed);
			expect(await page.text()).toContain(changed);
		}
		isOver = true;
		await noise;
		expect(await reader.end("SIGTERM")).toBe(0);
	}, 120_000);
});
