export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export const logFormats = ["pretty", "json"] as const;

export interface LogOptions {
	readonly logLevel: (typeof logLevels)[number];
	readonly logFormat: (typeof logFormats)[number];
}
