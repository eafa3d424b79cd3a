import { expect, test } from "bun:test";
import { newId } from "../../src/kernel/ids.ts";
import { ask } from "../support/ask.ts";
import { everyDatabase } from "../support/databases.ts";
import { startServer } from "../support/server.ts";
import { taskVerbs } from "../support/tasks.ts";

for (const { name, newUrl } of everyDatabase) {
	test(`the events of one task on ${name}, page by page, also after its deletion`, async () => {
		const server = await startServer({ DATABASE_URL: await newUrl() });
		const { create, patch, remove } = taskVerbs(server);
		const eventsOf = async (query: string) => {
			const { status, json } = await ask(server, `GET /events?${query}`);
			const page = json as { items: readonly { id: string; type: string }[]; next_after: number };
			return { status, next: page.next_after, types: page.items.map(({ type }) => type.slice(5)) };
		};
		const [blocker, other] = [await create(), await create()];
		const { id } = await create({ blocked_by: [blocker.id] });
		await patch(other.id, { title: "other" });
		await patch(id, { title: "changed" });
		await patch(blocker.id, { status: "done" });
		await remove(id);
		const story = ["created", "updated", "unblocked", "deleted"];
		const rev = Number((await ask(server, "GET /collab/state/tasks")).headers.get("x-event-id"));
		expect(await eventsOf(`task=${id}`)).toEqual({ status: 200, next: rev, types: story });
		const first = await eventsOf(`task=${id}&limit=2`);
		expect(first).toEqual({ status: 200, next: 5, types: story.slice(0, 2) });
		expect((await eventsOf(`task=${id}&after=${first.next}`)).types).toEqual(story.slice(2));
		expect((await eventsOf(`task=${id}&types=task.deleted`)).types).toEqual(["deleted"]);
		for (const none of [newId(), "x", "", "%27", id.toUpperCase(), id.slice(1), `${id}0`]) {
			expect([none, await eventsOf(`task=${none}`)]).toEqual([none, { status: 200, next: rev, types: [] }]);
		}
		expect((await ask(server, `GET /events?task=${id}&task=${id}`)).status).toBe(422);
	});
}
