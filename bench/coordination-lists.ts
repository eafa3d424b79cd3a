import { median } from "./alternate.ts";
import { ask, below, type Client, type Figure, type Setting } from "./coordination-client.ts";
import { boundsOf, filledId } from "./coordination-fill.ts";
import { listPath } from "./requests.ts";

const absent = "019ab2f4-0000-7000-8000-000000000000";
/** The slowest pages of one look at each are measured again, so often. */
const [slowest, samples] = [20, 7] as const;

/** Filters that match many tasks, few, one and none. */
function filtersFor(tasks: number): readonly string[] {
	const waiting = filledId(boundsOf(tasks).waiting);
	return [
		...["open", "done", "cancelled", "in_progress", "waiting", "open&status=done"].map(
			(status) => `status=${status}`,
		),
		...["common", "rare", "absent", "common&label=rare"].map((label) => `label=${label}`),
		...["ada", "grace", "", "nobody"].map((name) => `assignee=${name}`),
		...["", "nobody"].map((name) => `claimed_by=${name}`),
		...[filledId(1), "", absent].map((id) => `parent=${id}`),
		...[waiting, "", absent].map((id) => `blocked_by=${id}`),
		...["2001-01-01T00:00:00Z", "2100-01-01T00:00:00Z"].map((time) => `due_before=${time}`),
		...["number=5", "number=999999999", "ready=true", "brief=true"],
		...["task", "zebra", "unicorn", "har+wea"].map((words) => `q=${words}`),
	];
}

const orders = ["created", "updated", "priority", "status_since"].flatMap((sort) =>
	["desc", "asc"].map((order) => `sort=${sort}&order=${order}`),
);

interface Page {
	readonly query: string;
	readonly ms: number;
	readonly next: string | undefined;
}

async function page(client: Client, query: string, limit: number): Promise<Page> {
	const { ms, body } = await ask<{ next_cursor?: string }>(
		client,
		"GET",
		`${listPath}?${query}&limit=${limit}`,
	);
	return { query, ms, next: body.next_cursor };
}

/** Every filter in every order, the first page and the one behind it; every two filters in every order, downwards. */
export async function measureLists({ full, tasks }: Setting): Promise<readonly Figure[]> {
	const client = await full();
	const filters = filtersFor(tasks);
	const nameOf = (filter: string) => filter.split("=")[0];
	const pairs = filters.flatMap((one, index) =>
		filters.slice(index + 1).flatMap((other) => (nameOf(one) === nameOf(other) ? [] : [`${one}&${other}`])),
	);
	const pages: Page[] = [];
	for (const order of orders) {
		for (const filter of ["", ...filters]) {
			const query = `${filter}&${order}`.replace(/^&/, "");
			const first = await page(client, query, 100);
			pages.push(first);
			if (first.next !== undefined)
				pages.push(await page(client, `${query}&cursor=${encodeURIComponent(first.next)}`, 100));
		}
		if (order.endsWith("asc")) continue;
		for (const pair of pairs) pages.push(await page(client, `${pair}&${order}`, 100));
	}
	const slow = pages.toSorted((a, b) => b.ms - a.ms).slice(0, slowest);
	const medians: { query: string; ms: number }[] = [];
	for (const { query } of slow) {
		const times: number[] = [];
		// With another limit, no page is a kept one.
		for (let sample = 1; sample <= samples; sample++)
			times.push((await page(client, query, 100 - sample)).ms);
		medians.push({ query: query.replace(/cursor=.*/, "cursor"), ms: median(times) });
	}
	const [worst] = medians.toSorted((a, b) => b.ms - a.ms);
	const all = median(pages.map(({ ms }) => ms)).toFixed(1);
	const over = medians.filter(({ ms }) => ms >= 50).length;
	const note = `${worst?.query}; ${over} of the ${slowest} slowest miss it; the median page takes ${all} ms`;
	const name = `the slowest of ${pages.length} pages of lists at ${tasks} tasks`;
	return [below(name, worst?.ms ?? Number.NaN, 50, "ms", note)];
}
