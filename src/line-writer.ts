import { write, writeSync } from "node:fs";

/** Lines wait this long for company. */
const gatherMs = 50;
/** So many lines become bytes together. */
const linesMax = 64;
/** A block: what one write takes at the most. */
const blockBytes = 256 * 1024;
/** Blocks beyond these, while nobody takes them, are dropped: a stuck terminal must not fill the memory. */
const blocksMax = 64;
/** Written blocks that are kept for the next lines. New ones for each write kept the garbage collector busy. */
const sparesMax = 4;

interface Block {
	readonly bytes: Buffer;
	length: number;
}

/**
 * Writes lines to a file descriptor in blocks, one block at a time, so that logging never holds a request up. Lines are
 * put into words some at a time: one by one, between the requests, took twice as long.
 */
export class LineWriter<Line> {
	readonly #lines: Line[] = [];
	#block = newBlock(blockBytes);
	readonly #full: Block[] = [];
	readonly #spares: Block[] = [];
	#droppedLines = 0;
	#isWriting = false;
	#timer: Timer | undefined;

	/** `worded`: the text of a line, its end included. */
	constructor(
		private readonly descriptor: number,
		private readonly worded: (line: Line) => string,
	) {}

	write(line: Line): void {
		if (this.#lines.push(line) >= linesMax) this.#encodeLines();
		this.#timer ??= setTimeout(() => this.#writeNext(), gatherMs).unref();
	}

	#encodeLines(): void {
		for (const line of this.#lines) this.#encode(this.worded(line));
		this.#lines.length = 0;
	}

	#encode(line: string): void {
		if (this.#block.length + line.length * 3 > this.#block.bytes.length) this.#closeBlock(line.length * 3);
		if (this.#full.length > blocksMax) {
			this.#droppedLines++;
			return;
		}
		this.#block.length += this.#block.bytes.write(line, this.#block.length);
	}

	/** Writes what is left, now: for the end of the program. */
	flush(): void {
		clearTimeout(this.#timer);
		this.#encodeLines();
		this.#closeBlock();
		for (const block of this.#full.splice(0)) writeWhole(this.descriptor, contentOf(block));
	}

	#closeBlock(roomNeeded = 0): void {
		if (this.#block.length > 0) this.#full.push(this.#block);
		else this.#spare(this.#block);
		this.#block =
			roomNeeded > blockBytes ? newBlock(roomNeeded) : (this.#spares.pop() ?? newBlock(blockBytes));
	}

	#spare(block: Block): void {
		block.length = 0;
		if (block.bytes.length === blockBytes && this.#spares.length < sparesMax) this.#spares.push(block);
	}

	#writeNext(): void {
		this.#timer = undefined;
		if (this.#isWriting) return;
		this.#encodeLines();
		if (this.#full.length === 0) this.#closeBlock();
		const block = this.#full.shift();
		if (block === undefined) return;
		this.#isWriting = true;
		this.#writeRest(block, contentOf(block));
	}

	#writeRest(block: Block, bytes: Buffer): void {
		write(this.descriptor, bytes, (error, written) => {
			const isFull = error?.code === "EAGAIN";
			const rest = error ? bytes : bytes.subarray(written);
			if (isFull || (!error && rest.length > 0)) {
				setTimeout(() => this.#writeRest(block, rest), isFull ? gatherMs : 0).unref();
				return;
			}
			this.#isWriting = false;
			this.#spare(block);
			this.#tellDropped();
			if (this.#full.length > 0 || this.#block.length > 0 || this.#lines.length > 0) this.#writeNext();
		});
	}

	#tellDropped(): void {
		const count = this.#droppedLines;
		this.#droppedLines = 0;
		if (count > 0) this.#encode(`{"level":40,"msg":"${count} log lines were dropped: nobody took them"}\n`);
	}
}

function newBlock(bytes: number): Block {
	return { bytes: Buffer.allocUnsafe(bytes), length: 0 };
}

function contentOf({ bytes, length }: Block): Buffer {
	return bytes.subarray(0, length);
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
