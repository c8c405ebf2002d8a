# A first plan: a folder, a page, a link and an environment file for a service that is to come.
#
#   agent0-converge plan  --root /tmp/scratch examples/quickstart
#   agent0-converge apply --root /tmp/scratch examples/quickstart

plan {
  name = "quickstart"
}

variable "prefix" {
  type        = string
  default     = "/opt/agent0"
  description = "Where everything lives."

  validation {
    condition     = startswith(var.prefix, "/")
    error_message = "The prefix must be an absolute path."
  }
}

variable "api_key" {
  type        = string
  default     = "not-a-real-key"
  sensitive   = true
  description = "Set it with AGENT0_VAR_api_key."
}

locals {
  ports = { api = 8000, stream = 8765, metrics = 9091 }
}

directory "logs" {
  path = "${var.prefix}/logs"
  mode = "0750"
}

file "readme" {
  path    = "${var.prefix}/README"
  content = <<-EOT
    This machine is converged by agent0-converge.
    Changes by hand are found by "agent0-converge drift" and taken back by "apply".
  EOT
}

file "motd" {
  path     = "/etc/motd"
  template = "motd.tmpl"
  vars = {
    title = "Agent-0"
    ports = local.ports
  }
}

file "service" {
  for_each = local.ports
  path     = "${var.prefix}/services/${each.key}"
  mode     = "0640"
  content  = "port = ${each.value}\n"
}

symlink "current" {
  path   = "/srv/agent0"
  target = var.prefix
}

env_file "agent0" {
  path = "/etc/agent0/agent0.env"
  from = [".env.swarm", ".env"] # those that exist; later ones win

  values = {
    AGENT0_API_KEY          = var.api_key
    AGENT0_SERVICE_MANAGED  = "true"
    PYTORCH_CUDA_ALLOC_CONF = "max_split_size_mb:128"
  }
}
