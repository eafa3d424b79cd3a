import type { Representation } from "../canonical.ts";

/** Answers of one state of the tasks. Any change of a task ends them all; memory is bounded. */
export class RevisionCache<Answer extends Representation> {
	#tasksRev = 0;
	#length = 0;
	readonly #answers = new Map<string, Answer>();

	/** `lengthMax`: characters of bodies and keys together. */
	constructor(private readonly lengthMax = 8 * 1024 * 1024) {}

	find(tasksRev: number, key: string): Answer | undefined {
		return tasksRev === this.#tasksRev ? this.#answers.get(key) : undefined;
	}

	/** Keeps an answer that is of state `tasksRev` or of a later one. */
	keep(tasksRev: number, key: string, answer: Answer): void {
		const length = key.length + answer.body.length;
		if (tasksRev < this.#tasksRev || length > this.lengthMax) return;
		if (tasksRev > this.#tasksRev || this.#length + length > this.lengthMax) this.#clear();
		this.#tasksRev = tasksRev;
		if (!this.#answers.has(key)) this.#length += length;
		this.#answers.set(key, answer);
	}

	#clear(): void {
		this.#answers.clear();
		this.#length = 0;
	}
}
