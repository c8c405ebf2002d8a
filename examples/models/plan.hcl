# Models from a list that is kept as data. apply fetches them, goes on where it was cut short, and puts
# nothing in its place that has not the SHA-256 of the list.

variable "prefix" {
  type        = string
  default     = "/opt/agent0"
  description = "Where Agent-0 is installed."
}

locals {
  models = { for m in yamldecode(file("config/models.yaml")) : m.name => m }
}

directory "models" {
  path = "${var.prefix}/models"
  mode = "0750"
}

model "all" {
  for_each = local.models
  path     = "${directory.models.path}/${each.key}.gguf"
  sources  = [each.value.url, "file:///media/usb/${basename(each.value.url)}"]
  sha256   = each.value.sha256
  mode     = "0640"
  # What a machine can do without is reported as missing, and fails nothing.
  required = !try(each.value.optional, false)
}

output "models" {
  value = [for m in model.all : m.path]
}
