import pino from "pino";

/** Lines wait this long for others, so that one write takes many. */
const gatherMs = 50;
/** As many lines as are encoded and handed over together. */
const linesMax = 64;
/** What may wait while nobody reads: beyond it lines are dropped, or a stuck terminal would fill the memory. */
const waitingBytesMax = 16 * 1024 * 1024;

/**
 * Writes lines to a file descriptor without ever holding a request up. The writing is pino's; handing it lines one by
 * one costs an eighth of the throughput (bench/log.ts), so they are encoded and handed over some at a time.
 */
export class LogOutput<Line> {
	readonly #lines: Line[] = [];
	readonly #destination: ReturnType<typeof pino.destination>;
	#droppedLines = 0;
	#isClosed = false;
	#timer: Timer | undefined;

	/** `encode`: the text of a line, its line break included. */
	constructor(
		descriptor: number,
		private readonly encode: (line: Line) => string,
	) {
		this.#destination = pino.destination({ fd: descriptor, sync: false, maxLength: waitingBytesMax });
		this.#destination.on("drop", (text: string) => {
			this.#droppedLines += text.split("\n").length - 1;
		});
		this.#destination.on("drain", () => this.#reportDropped());
		this.#destination.on("error", ({ code }: NodeJS.ErrnoException) => {
			// The reader is gone; pino has turned the destination off.
			if (code === "EPIPE") this.#isClosed = true;
		});
		// Before pino's own listener, which would wait for the reader: whoever calls process.exit wants to end at once.
		process.prependListener("exit", () => this.#destination.destroy());
	}

	write(line: Line): void {
		if (this.#lines.push(line) >= linesMax) this.#handOver();
		else this.#timer ??= setTimeout(() => this.#handOver(), gatherMs).unref();
	}

	/** Resolves when all lines are written, or cannot be. What is logged afterwards is lost. */
	async flush(): Promise<void> {
		if (this.#isClosed) return;
		this.#handOver();
		const drained = this.#next("drain");
		// Tries once more what could not be written before.
		this.#destination.write("");
		await drained;
		const closed = this.#next("close");
		this.#destination.end();
		await closed;
		this.#isClosed = true;
	}

	/** Resolves with the next event of this name, or with an error, after which none may come. */
	#next(event: "drain" | "close"): Promise<void> {
		if (this.#isClosed) return Promise.resolve();
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#destination.once(event, resolve);
		this.#destination.once("error", resolve);
		return promise;
	}

	#handOver(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		let text = "";
		for (const line of this.#lines) text += this.encode(line);
		this.#lines.length = 0;
		if (text !== "" && !this.#isClosed) this.#destination.write(text);
	}

	#reportDropped(): void {
		const count = this.#droppedLines;
		if (count === 0) return;
		this.#droppedLines = 0;
		this.#destination.write(`{"level":40,"msg":"${count} log lines were dropped: nobody took them"}\n`);
	}
}
