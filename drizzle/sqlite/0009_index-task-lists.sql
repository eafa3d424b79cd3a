CREATE INDEX `task_labels_by_label` ON `task_labels` (`space`,`label`,`seq`);--> statement-breakpoint
CREATE INDEX `tasks_unfinished_by_created` ON `tasks` (`space`,(seq + 0)) WHERE status <> 'done' AND status <> 'cancelled';--> statement-breakpoint
CREATE INDEX `tasks_finished_by_created` ON `tasks` (`space`,(seq + 0)) WHERE (status = 'done' OR status = 'cancelled');--> statement-breakpoint
CREATE INDEX `tasks_unfinished_by_status_since` ON `tasks` (`space`,`status_since`,`seq`) WHERE status <> 'done' AND status <> 'cancelled';--> statement-breakpoint
CREATE INDEX `tasks_finished_by_status_since` ON `tasks` (`space`,`status_since`,`seq`) WHERE (status = 'done' OR status = 'cancelled');--> statement-breakpoint
CREATE INDEX `tasks_ready_by_priority` ON `tasks` (`space`,priority desc,`rank`,`seq`) WHERE status = 'open' AND defer_until IS NULL AND open_blockers = 0 AND assignee IS NOT NULL;--> statement-breakpoint
CREATE INDEX `tasks_pending_by_priority` ON `tasks` (`space`,priority desc,`rank`,`seq`) WHERE status <> 'done' AND status <> 'cancelled' AND (status <> 'open' OR defer_until IS NOT NULL OR open_blockers <> 0);--> statement-breakpoint
CREATE INDEX `tasks_finished_by_priority` ON `tasks` (`space`,priority desc,`rank`,`seq`) WHERE (status = 'done' OR status = 'cancelled');--> statement-breakpoint
CREATE INDEX `tasks_unfinished_changed` ON `tasks` (`space`,`updated_seq`) WHERE status <> 'done' AND status <> 'cancelled' AND updated_seq > seq;--> statement-breakpoint
CREATE INDEX `tasks_finished_changed` ON `tasks` (`space`,`updated_seq`) WHERE (status = 'done' OR status = 'cancelled') AND updated_seq > seq;--> statement-breakpoint
CREATE INDEX `tasks_passing` ON `tasks` (`space`,`status`) WHERE status <> 'open' AND status <> 'done';--> statement-breakpoint
CREATE INDEX `tasks_by_assignee` ON `tasks` (`space`,`assignee`) WHERE assignee IS NOT NULL;--> statement-breakpoint
CREATE INDEX `tasks_by_holder` ON `tasks` (`space`,`claimed_by`) WHERE claimed_by IS NOT NULL;--> statement-breakpoint
CREATE INDEX `tasks_by_parent` ON `tasks` (`space`,`parent`) WHERE parent IS NOT NULL;--> statement-breakpoint
CREATE INDEX `tasks_by_due_time` ON `tasks` (`space`,`due_at`) WHERE due_at IS NOT NULL;