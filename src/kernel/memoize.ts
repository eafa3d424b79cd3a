/** Makes a value when it is first asked for, so that a start does not pay for what it may never need. */
export function memoize<T>(make: () => T): () => T {
	let made: { readonly value: T } | undefined;
	return () => {
		made ??= { value: make() };
		return made.value;
	};
}
