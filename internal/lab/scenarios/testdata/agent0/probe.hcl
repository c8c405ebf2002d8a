# Beside the example's own plan: a service that tells what it was started with, and what it may use.

variable "command" {
  type = string
}

unit "probe" {
  name = "probe.service"
  service = {
    ExecStart        = var.command
    User             = user.agent0.name
    EnvironmentFile  = env_file.agent0.path
    WorkingDirectory = directory.folders["data"].path
    Restart          = "on-failure"
    MemoryMax        = "64M"
    CPUQuota         = "20%"
    NoNewPrivileges  = true
  }
  install    = { WantedBy = "multi-user.target" }
  enabled    = true
  state      = "running"
  restart_on = [gpu_group.agent0] # a process that runs gains no groups
}
