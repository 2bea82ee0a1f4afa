"""Two hosts with disks of their own, and what happens while their processes are killed."""
