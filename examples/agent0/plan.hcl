# Agent-0 on a laptop: the folders, the environment and the settings of a machine that serves a
# local language model.
#
#   AGENT0_VAR_api_key=… agent0-converge apply examples/agent0

plan {
  name = "agent0"
}

variable "prefix" {
  type    = string
  default = "/opt/agent0"

  validation {
    condition     = startswith(var.prefix, "/")
    error_message = "The prefix must be an absolute path."
  }
}

variable "user" {
  type        = string
  default     = "root"
  description = "The account that the services run as. It must exist."
}

variable "api_key" {
  type        = string
  sensitive   = true
  default     = null
  description = "The key that clients of the server present. Set it with AGENT0_VAR_api_key."
}

locals {
  ports = { api = 8000, stream = 8765, metrics = 9091 }
  small = try(host.memory < gib(8), false)
}

directory "folders" {
  for_each = { models = "0750", logs = "0750", data = "0700" }
  path     = "${var.prefix}/${each.key}"
  owner    = var.user
  mode     = each.value
}

env_file "agent0" {
  path = "/etc/agent0/agent0.env"
  from = [".env.swarm", ".env"] # those that exist, later ones win; secret by default

  values = merge(
    {
      AGENT0_SERVICE_MANAGED  = "true"
      PYTORCH_CUDA_ALLOC_CONF = "max_split_size_mb:128"
    },
    var.api_key == null ? {} : { AGENT0_API_KEY = var.api_key },
  )
}

file "ports" {
  path     = "/etc/agent0/ports.json"
  content  = "${jsonencode(local.ports)}\n"
  validate = null

  lifecycle {
    postcondition {
      condition     = self.mode == "0644"
      error_message = "Clients on this machine read the ports."
    }
  }
}

file "logrotate" {
  path    = "/etc/logrotate.d/agent0"
  mode    = "0644"
  content = <<-EOT
    ${directory.folders["logs"].path}/*.log {
      daily
      rotate 14
      compress
      delaycompress
      missingok
      notifempty
    }
  EOT
}

file "swap_note" {
  when    = local.small
  path    = "/etc/agent0/NOTE"
  content = "This machine has less than 8 GiB of memory: give it swap.\n"
}

symlink "current" {
  path       = "/srv/agent0"
  target     = var.prefix
  depends_on = [directory.folders]
}

output "api" {
  value = "http://${try(host.hostname, "localhost")}:${local.ports.api}"
}
