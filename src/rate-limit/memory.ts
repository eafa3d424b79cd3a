import type { Rate } from "../config.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Counter, WindowCount } from "./counter.ts";

interface Window {
	count: number;
	readonly endsAt: number;
}

/** Windows in this process. At most `keysMax`: beyond that ended windows are removed, then those that began first. */
export class MemoryCounter implements Counter {
	readonly #windows = new Map<string, Window>();

	constructor(
		private readonly clock: Clock,
		private readonly keysMax = 100_000,
	) {}

	hit(key: string, { windowSeconds }: Rate): WindowCount {
		const now = this.clock();
		const lengthMs = windowSeconds * 1000;
		let window = this.#windows.get(key);
		// A window that ends later than a whole length from now began before the clock was set back.
		if (window === undefined || window.endsAt <= now || window.endsAt > now + lengthMs) {
			window = { count: 0, endsAt: now + lengthMs };
			this.#windows.delete(key);
			if (this.#windows.size >= this.keysMax) this.#evict(now);
			this.#windows.set(key, window);
		}
		window.count++;
		return { count: window.count, resetMs: window.endsAt - now };
	}

	async stop(): Promise<void> {
		this.#windows.clear();
	}

	/** Frees a tenth at once, so that the cost of walking the map is shared by many requests. */
	#evict(now: number): void {
		for (const [key, window] of this.#windows) if (window.endsAt <= now) this.#windows.delete(key);
		const keep = this.keysMax * 0.9;
		for (const key of this.#windows.keys()) {
			if (this.#windows.size <= keep) return;
			this.#windows.delete(key);
		}
	}
}
