// A Kubernetes API server and the etcd that it keeps its objects in, as one program: what the suite `kubernetes` puts
// workloads' tokens and the guide's files to. Everything stays on loopback and below one directory.
//
//	apiserver --etcd-dir DIR --etcd-port PORT -- FLAGS OF kube-apiserver
package main

import (
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"
	_ "time/tzdata"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	split := slices.Index(os.Args, "--")
	if split != 5 || os.Args[1] != "--etcd-dir" || os.Args[3] != "--etcd-port" {
		fail("usage: apiserver --etcd-dir DIR --etcd-port PORT -- FLAGS")
	}
	server := etcd(os.Args[2], os.Args[4])
	os.Args = append([]string{"kube-apiserver", "--etcd-servers=http://127.0.0.1:" + os.Args[4]}, os.Args[split+1:]...)
	code := cli.Run(app.NewAPIServerCommand())
	server.Close()
	os.Exit(code)
}

func etcd(dir, port string) *embed.Etcd {
	config := embed.NewConfig()
	config.Dir = dir
	config.LogLevel = "error"
	clients := []url.URL{{Scheme: "http", Host: "127.0.0.1:" + port}}
	config.ListenClientUrls, config.AdvertiseClientUrls = clients, clients
	// One member has no peers to listen for.
	config.ListenPeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config.UnsafeNoFsync = true
	server, err := embed.StartEtcd(config)
	if err != nil {
		fail(err)
	}
	select {
	case <-server.Server.ReadyNotify():
	case <-time.After(time.Minute):
		fail("etcd is not ready after a minute")
	}
	return server
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
