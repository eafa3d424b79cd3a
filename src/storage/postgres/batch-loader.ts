/**
 * Asks a question for all who wait for its answer: one query at a time, and whoever asks while one is under way
 * shares the next. So every answer comes from a query that began after it was asked for.
 */
export class BatchLoader<Key, Answer> {
	#underWay: Promise<unknown> | undefined;
	#next: { readonly keys: Set<Key>; readonly answer: Promise<Answer> } | undefined;

	constructor(private readonly query: (keys: ReadonlySet<Key>) => Promise<Answer>) {}

	ask(key: Key): Promise<Answer> {
		if (this.#next === undefined) {
			const keys = new Set<Key>();
			this.#next = { keys, answer: this.#afterThis(keys) };
		}
		this.#next.keys.add(key);
		return this.#next.answer;
	}

	async #afterThis(keys: ReadonlySet<Key>): Promise<Answer> {
		// Whoever asks in the same turn joins, also when nothing is under way.
		await Promise.allSettled([this.#underWay]);
		this.#next = undefined;
		const answer = this.query(keys);
		this.#underWay = answer;
		return answer;
	}
}
