CREATE TABLE `claims` (
	`task` text PRIMARY KEY NOT NULL,
	`space` integer NOT NULL,
	`fence` integer NOT NULL,
	`settled_fence` integer,
	`settled_by` text,
	`holder` text NOT NULL,
	`actor` text NOT NULL,
	`claimed_at` integer NOT NULL,
	`lease_seconds` integer,
	`lease_expires_at` integer
);
--> statement-breakpoint
CREATE INDEX `claims_lasting` ON `claims` (`space`,`fence`,`task`) WHERE lease_expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `claims_by_holder` ON `claims` (`space`,`holder`,`fence`,`task`) WHERE lease_expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `claims_by_actor` ON `claims` (`space`,`actor`,`fence`,`task`) WHERE lease_expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `claims_expiring` ON `claims` (`lease_expires_at`,`task`) WHERE lease_expires_at IS NOT NULL;--> statement-breakpoint
CREATE INDEX `claims_in_space` ON `claims` (`space`,`task`) WHERE space <> 1;--> statement-breakpoint
CREATE TABLE `task_results` (
	`task` text PRIMARY KEY NOT NULL,
	`space` integer NOT NULL,
	`result` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `task_results_in_space` ON `task_results` (`space`,`task`) WHERE space <> 1;--> statement-breakpoint
ALTER TABLE `events` ADD `reason` text;--> statement-breakpoint
ALTER TABLE `events` ADD `expires_at` integer;