import type { EventStore } from "../../src/events/store.ts";

/** One block of a stream, by the rules of the HTML standard (§9.2.6), with its comments. */
export interface Block {
	readonly id: string | undefined;
	readonly event: string | undefined;
	readonly data: string | undefined;
	readonly retry: string | undefined;
	readonly comments: readonly string[];
}

/** An event of the log as a stream delivers it. */
export interface Delivered {
	readonly id: number;
	readonly type: string;
	/** The CloudEvents object, as text. */
	readonly text: string;
	readonly event: CloudEvent;
}

export interface CloudEvent {
	/** Absent in events of versions that recorded none. */
	readonly actor?: string;
	readonly id: string;
	readonly type: string;
	readonly subject: string;
	readonly requestid: string;
	readonly time: string;
	readonly source: string;
	readonly specversion: string;
	readonly data: { readonly id: string; readonly title: string; readonly version: number };
}

/** An open stream. */
export interface Tail {
	readonly response: Response;
	/** The next block; undefined at the end of the stream. */
	block(): Promise<Block | undefined>;
	/** The next event of the log; other blocks are skipped. Fails at the end of the stream. */
	next(): Promise<Delivered>;
	take(count: number): Promise<readonly Delivered[]>;
	/** The bytes after the last whole block when the stream ended. */
	rest(): string;
	close(): void;
}

export async function openTail(
	url: string,
	query = "",
	headers: Readonly<Record<string, string>> = {},
): Promise<Tail> {
	const closing = new AbortController();
	const response = await fetch(`${url}/events/tail${query}`, { headers, signal: closing.signal });
	if (response.status !== 200) throw new Error(`no stream: ${response.status} ${await response.text()}`);
	const chunks = response.body?.getReader();
	const text = new TextDecoder();
	let pending = "";
	async function block(): Promise<Block | undefined> {
		for (;;) {
			const end = pending.indexOf("\n\n");
			if (end !== -1) {
				const lines = pending.slice(0, end);
				pending = pending.slice(end + 2);
				return parseBlock(lines);
			}
			const chunk = await chunks?.read();
			if (chunk === undefined || chunk.done) return undefined;
			pending += text.decode(chunk.value, { stream: true });
		}
	}
	async function next(): Promise<Delivered> {
		for (;;) {
			const found = await block();
			if (found === undefined) throw new Error("the stream ended");
			const { id, event: type, data } = found;
			if (data === undefined || type === "bookmark") continue;
			return { id: Number(id), type: type ?? "message", text: data, event: JSON.parse(data) };
		}
	}
	return {
		response,
		block,
		next,
		async take(count) {
			const taken: Delivered[] = [];
			while (taken.length < count) taken.push(await next());
			return taken;
		},
		rest: () => pending,
		close: () => closing.abort(),
	};
}

export function parseBlock(lines: string): Block {
	const fields = new Map<string, string[]>();
	for (const line of lines.split("\n")) {
		const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
		fields.set(name, [...(fields.get(name) ?? []), value]);
	}
	return {
		id: fields.get("id")?.at(-1),
		event: fields.get("event")?.at(-1),
		data: fields.get("data")?.join("\n"),
		retry: fields.get("retry")?.at(-1),
		comments: fields.get("") ?? [],
	};
}

/** Resolves when a listener is notified and `isTrue` holds. */
export async function whenLog(events: EventStore, isTrue: () => boolean | Promise<boolean>): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	const forget = events.onChange(() => {
		Promise.resolve(isTrue()).then((holds) => holds && resolve(), reject);
	});
	try {
		await promise;
	} finally {
		forget();
	}
}
