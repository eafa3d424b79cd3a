CREATE TABLE `job_counts` (
	`queue` text PRIMARY KEY NOT NULL,
	`cancelled` integer NOT NULL,
	`dead` integer NOT NULL,
	`leased` integer NOT NULL,
	`queued` integer NOT NULL,
	`scheduled` integer NOT NULL,
	`succeeded` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `jobs` (
	`id` text PRIMARY KEY NOT NULL,
	`queue` text NOT NULL,
	`kind` text NOT NULL,
	`payload` text NOT NULL,
	`priority` integer NOT NULL,
	`state` text NOT NULL,
	`attempt` integer NOT NULL,
	`max_attempts` integer NOT NULL,
	`fence` integer NOT NULL,
	`settled_fence` integer,
	`run_at` integer NOT NULL,
	`unique_key` text,
	`worker` text,
	`lease_expires_at` integer,
	`lease_seconds` integer,
	`progress` real,
	`result` text,
	`error` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `jobs_leasable` ON `jobs` (`queue`,priority desc,`run_at`,`id`) WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX `jobs_oldest` ON `jobs` (`queue`,`run_at`) WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX `jobs_due` ON `jobs` (`run_at`) WHERE state = 'scheduled';--> statement-breakpoint
CREATE INDEX `jobs_expiring` ON `jobs` (`lease_expires_at`) WHERE state = 'leased';--> statement-breakpoint
CREATE INDEX `jobs_ended` ON `jobs` (`updated_at`) WHERE state IN ('cancelled', 'dead', 'succeeded');--> statement-breakpoint
CREATE UNIQUE INDEX `jobs_unfinished_key` ON `jobs` (`queue`,`unique_key`) WHERE unique_key IS NOT NULL AND state IN ('leased', 'queued', 'scheduled');--> statement-breakpoint
CREATE INDEX `jobs_by_queue` ON `jobs` (`queue`,`id`);--> statement-breakpoint
CREATE INDEX `jobs_by_kind` ON `jobs` (`kind`,`id`);--> statement-breakpoint
CREATE INDEX `jobs_by_state` ON `jobs` (`state`,`id`);