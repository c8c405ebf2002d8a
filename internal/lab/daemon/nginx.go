package daemon

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// config keeps all that nginx writes in its own folder.
const config = `
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
	access_log off;
	client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
	server {
		listen %s;
		root files;
		%s
	}
}
`

// Nginx runs nginx in a folder, as one process. It serves the folder "files" there, made if need be, and does what the
// directives for its server block say. Where nginx is not installed the error is exec.ErrNotFound.
func Nginx(dir, directives string) (d *Daemon, address string, err error) {
	path, err := exec.LookPath("nginx")
	if errors.Is(err, exec.ErrNotFound) {
		path, err = exec.LookPath("/usr/sbin/nginx") // which is in root's PATH alone
	}
	if err != nil {
		return nil, "", fmt.Errorf("nginx: %w: apt-get install nginx-light", exec.ErrNotFound)
	}
	if address, err = FreeAddress("127.0.0.1"); err != nil {
		return nil, "", err
	}
	err = errors.Join(os.MkdirAll(filepath.Join(dir, "files"), 0o755),
		os.WriteFile(filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, config, address, directives), 0o600))
	if err != nil {
		return nil, "", err
	}
	d, err = Start(exec.Command(path, "-p", dir, "-c", "nginx.conf", "-e", "error.log"), address)
	return d, address, err
}
