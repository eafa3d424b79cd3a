import { write, writeSync } from "node:fs";

/** Lines wait this long for company. */
const gatherMs = 50;
/** A block: what one write takes at the most. */
const blockBytes = 256 * 1024;
/** Blocks beyond these, while nobody takes them, are dropped: a stuck terminal must not fill the memory. */
const blocksMax = 64;

/**
 * Writes lines to a file descriptor in blocks, one block at a time, so that logging never holds a request up. Each
 * line is encoded as it comes: joining them as text first took the greater part of a log line's time.
 */
export class LineWriter {
	#block = Buffer.allocUnsafe(blockBytes);
	#length = 0;
	readonly #full: Buffer[] = [];
	#droppedLines = 0;
	#isWriting = false;
	#timer: Timer | undefined;

	constructor(private readonly descriptor: number) {}

	write(line: string): void {
		if (this.#length + line.length * 3 > blockBytes) this.#closeBlock(line.length * 3);
		if (this.#full.length > blocksMax) {
			this.#droppedLines++;
			return;
		}
		this.#length += this.#block.write(line, this.#length);
		this.#timer ??= setTimeout(() => this.#writeNext(), gatherMs).unref();
	}

	/** Writes what is left, now: for the end of the program. */
	flush(): void {
		clearTimeout(this.#timer);
		this.#closeBlock();
		for (const block of this.#full.splice(0)) writeWhole(this.descriptor, block);
	}

	#closeBlock(roomNeeded = 0): void {
		if (this.#length > 0) this.#full.push(this.#block.subarray(0, this.#length));
		this.#block = Buffer.allocUnsafe(Math.max(blockBytes, roomNeeded));
		this.#length = 0;
	}

	#writeNext(): void {
		this.#timer = undefined;
		if (this.#isWriting) return;
		if (this.#full.length === 0) this.#closeBlock();
		const block = this.#full.shift();
		if (block === undefined) return;
		this.#isWriting = true;
		this.#writeRest(block);
	}

	#writeRest(bytes: Buffer): void {
		write(this.descriptor, bytes, (error, written) => {
			const isFull = error?.code === "EAGAIN";
			const rest = error ? bytes : bytes.subarray(written);
			if (isFull || (!error && rest.length > 0)) {
				setTimeout(() => this.#writeRest(rest), isFull ? gatherMs : 0).unref();
				return;
			}
			this.#isWriting = false;
			this.#tellDropped();
			if (this.#full.length > 0 || this.#length > 0) this.#writeNext();
		});
	}

	#tellDropped(): void {
		const count = this.#droppedLines;
		this.#droppedLines = 0;
		if (count > 0) this.write(`{"level":40,"msg":"${count} log lines were dropped: nobody took them"}\n`);
	}
}

function writeWhole(descriptor: number, bytes: Buffer): void {
	for (let rest = bytes; rest.length > 0; ) {
		try {
			rest = rest.subarray(writeSync(descriptor, rest));
		} catch (error) {
			if ((error as { code?: unknown }).code !== "EAGAIN") return; // nobody reads any more
		}
	}
}
