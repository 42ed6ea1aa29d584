// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// component is what this folder uses of kustomize's own type.
type component struct {
	metav1.TypeMeta    `json:",inline"`
	Resources          []string `json:"resources"`
	ConfigMapGenerator []struct {
		Name  string   `json:"name"`
		Files []string `json:"files"`
	} `json:"configMapGenerator"`
	Patches []struct {
		Path   string `json:"path"`
		Target struct {
			Kind          string `json:"kind"`
			LabelSelector string `json:"labelSelector"`
		} `json:"target"`
	} `json:"patches"`
}

// kinds are the API's types that a manifest may be.
var kinds = map[metav1.TypeMeta]func() any{
	{APIVersion: "apps/v1", Kind: "StatefulSet"}:                        func() any { return new(appsv1.StatefulSet) },
	{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}:         func() any { return new(networkingv1.NetworkPolicy) },
	{APIVersion: "kustomize.config.k8s.io/v1alpha1", Kind: "Component"}: func() any { return new(component) },
}

// manifest reads one manifest strictly, as the type that it says it is.
func manifest(text []byte) (any, error) {
	if bytes.Contains(text, []byte("\n---")) {
		return nil, errors.New("several documents in one file")
	}
	var of metav1.TypeMeta
	if err := yaml.Unmarshal(text, &of); err != nil {
		return nil, err
	}
	made, ok := kinds[of]
	if !ok {
		return nil, fmt.Errorf("no type for %s %s", of.APIVersion, of.Kind)
	}
	object := made()
	return object, yaml.UnmarshalStrict(text, object)
}

// manifests are all files of the folder that are applied.
func manifests(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("kubernetes/*.y*ml")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	all := map[string][]byte{}
	for _, file := range files {
		all[file] = read(t, file)
	}
	return all
}

// Every manifest is of the API's types, and no field of one can be misspelt.
func TestKubernetesFields(t *testing.T) {
	// What operators name: members of maps, which have no schema.
	free := []string{"cpu", "memory", "storage"}
	field := regexp.MustCompile(`(?m)^(?: *- | *)([A-Za-z]+):`)
	for file, text := range manifests(t) {
		if _, err := manifest(text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		tried := 0
		for _, at := range field.FindAllSubmatchIndex(text, -1) {
			name := string(text[at[2]:at[3]])
			if slices.Contains(free, name) {
				continue
			}
			misspelt := slices.Concat(text[:at[3]], []byte("s"), text[at[3]:])
			if _, err := manifest(misspelt); err == nil {
				t.Errorf("%s: a misspelt %s at byte %d is not noticed", file, name, at[2])
			}
			tried++
		}
		if tried < 8 {
			t.Errorf("%s: only %d fields", file, tried)
		}
	}
}

// What the component names is there, but for the root of the operator's own.
func TestKubernetesComponent(t *testing.T) {
	object, err := manifest(read(t, "kubernetes/kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := object.(*component)
	named := slices.Clone(c.Resources)
	for _, m := range c.ConfigMapGenerator {
		named = append(named, m.Files...)
	}
	for _, p := range c.Patches {
		named = append(named, p.Path)
	}
	for _, name := range named {
		if name != "root.json" {
			read(t, filepath.Join("kubernetes", name))
		}
	}
	for file := range manifests(t) {
		if name := filepath.Base(file); name != "kustomization.yaml" && !slices.Contains(named, name) {
			t.Errorf("nobody applies %s", file)
		}
	}
}

// TestKubernetes holds what keeps the driver apart from the gateway.
func TestKubernetes(t *testing.T) {
	object, err := manifest(read(t, "kubernetes/driver.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	set := object.(*appsv1.StatefulSet)
	if object, err = manifest(read(t, "kubernetes/networkpolicy.yaml")); err != nil {
		t.Fatal(err)
	}
	if policy := object.(*networkingv1.NetworkPolicy); len(policy.Spec.Egress) == 0 {
		t.Error("the policy lets nothing out")
	}
	pod := set.Spec.Template.Spec
	mounts := func(name string) (list []string) {
		i := slices.IndexFunc(pod.Containers, func(c corev1.Container) bool { return c.Name == name })
		if i < 0 {
			t.Fatalf("there is no container %s", name)
		}
		for _, m := range pod.Containers[i].VolumeMounts {
			list = append(list, m.Name)
		}
		return list
	}
	if got := mounts("gateway"); !slices.Equal(got, []string{"sigdriver-socket"}) {
		t.Errorf("the gateway is given %v", got)
	}
	if len(mounts("sigdriver")) != 5 || pod.ShareProcessNamespace == nil || *pod.ShareProcessNamespace {
		t.Error("the driver lacks a volume, or shares processes")
	}
	driver := pod.Containers[1].SecurityContext
	if driver.RunAsUser == nil || *driver.RunAsUser == 0 || *driver.RunAsUser == 1000 || !*driver.ReadOnlyRootFilesystem || *driver.AllowPrivilegeEscalation || !slices.Equal(driver.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("%+v", driver)
	}
	for _, v := range pod.Volumes {
		if v.Secret != nil && (v.Secret.DefaultMode == nil || *v.Secret.DefaultMode != 0o440) {
			t.Errorf("keys have mode %v", v.Secret.DefaultMode)
		}
	}
}

// The values of one file are those of the others: what a path, a name or an id is in one,
// it is in all.
func TestKubernetesValues(t *testing.T) {
	of := func(file string) any {
		object, err := manifest(read(t, "kubernetes/"+file))
		if err != nil {
			t.Fatal(err)
		}
		return object
	}
	set, policy, made := of("driver.yaml").(*appsv1.StatefulSet), of("networkpolicy.yaml").(*networkingv1.NetworkPolicy), of("kustomization.yaml").(*component)
	pod := set.Spec.Template.Spec
	config := string(read(t, "kubernetes/sigdriver.toml"))
	value := func(key string) string {
		t.Helper()
		found := regexp.MustCompile(`(?m)^(?:# )?` + key + ` = "?([^"\n#]*[^"\n# ])`).FindStringSubmatch(config)
		if found == nil {
			t.Fatalf("sigdriver.toml has no %s", key)
		}
		return found[1]
	}
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v and %v", what, got, want)
		}
	}

	volumes := []string{}
	for _, v := range pod.Volumes {
		volumes = append(volumes, v.Name)
	}
	for _, c := range set.Spec.VolumeClaimTemplates {
		volumes = append(volumes, c.Name)
	}
	mounts := func(c corev1.Container) map[string]string { // path to volume
		paths := map[string]string{}
		for _, m := range c.VolumeMounts {
			paths[m.MountPath] = m.Name
			if !slices.Contains(volumes, m.Name) {
				t.Errorf("%s mounts %s, which is no volume", c.Name, m.Name)
			}
		}
		return paths
	}
	init, gateway, driver := pod.InitContainers[0], pod.Containers[0], pod.Containers[1]
	inGateway, inDriver := mounts(gateway), mounts(driver)
	below := func(key, volume string) {
		t.Helper()
		for dir, name := range inDriver {
			if strings.HasPrefix(value(key), dir+"/") && name == volume {
				return
			}
		}
		t.Errorf("%s = %q is on no mount of %s", key, value(key), volume)
	}
	below("state_dir", "sigdriver-state")
	below("path", "sigdriver-socket")
	below("listen", "sigdriver-admin")
	below("root", "sigdriver-config")
	below("key", "sigdriver-keys")
	if volume := inGateway[path.Dir(path.Dir(value("path")))]; volume != "sigdriver-socket" || path.Dir(path.Dir(value("listen"))) == path.Dir(path.Dir(value("path"))) {
		t.Errorf("the gateway finds %q at the socket's path", volume)
	}
	// Neither folder is the mount itself, which is not the driver's to guard.
	same("the init container's mounts and its command", slices.Sorted(maps.Keys(mounts(init))), slices.Sorted(slices.Values(init.Command[2:])))
	same("the folders of the sockets", slices.Sorted(maps.Keys(mounts(init))), []string{path.Dir(path.Dir(value("path"))), path.Dir(path.Dir(value("listen")))})

	generated := made.ConfigMapGenerator[0]
	for _, v := range pod.Volumes {
		switch {
		case v.ConfigMap != nil:
			same("the ConfigMap", v.ConfigMap.Name, generated.Name)
		case v.Secret != nil && !strings.Contains(string(read(t, "../docs/kubernetes.md")), "create secret generic "+v.Secret.SecretName+" --from-file="+path.Base(value("key"))):
			t.Errorf("docs/kubernetes.md makes no secret %s with %s", v.Secret.SecretName, path.Base(value("key")))
		}
	}
	root := path.Dir(value("root"))
	same("the files of the ConfigMap", generated.Files, []string{path.Base(driver.Args[2]), path.Base(value("root"))})
	same("the folder of the configuration", path.Dir(driver.Args[2]), root)

	image := new(release).config()
	security := driver.SecurityContext
	same("the driver's user", image.User, fmt.Sprintf("%d:%d", *security.RunAsUser, *security.RunAsGroup))
	same("what the driver runs", driver.Args, image.Cmd)
	probe := driver.ReadinessProbe.Exec.Command
	same("what the probe runs", probe, []string{image.Entrypoint[0], "status", "--ready", "--admin", value("listen")})
	same("the socket's group and the gateway's user", value("group"), value("uid"))
	if value("uid") == fmt.Sprint(*security.RunAsUser) {
		t.Error("the gateway is the driver's user")
	}
	if driver.StartupProbe != nil || driver.LivenessProbe != nil {
		t.Error("a driver that refuses, or reads a long journal, is restarted for it")
	}
	// The restricted Pod Security Standard, which the init container alone does not meet.
	if !*security.RunAsNonRoot || pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the driver is not of the restricted standard: %+v", security)
	}

	label, selected, _ := strings.Cut(made.Patches[0].Target.LabelSelector, "=")
	same("the pods of the patch and of the policy", policy.Spec.PodSelector.MatchLabels, map[string]string{label: selected})
	same("the kind of the patch", made.Patches[0].Target.Kind, set.Kind)
	open := []string{}
	for _, rule := range policy.Spec.Egress {
		for _, p := range rule.Ports {
			open = append(open, fmt.Sprint(*p.Protocol, p.Port.IntVal))
		}
	}
	same("what is open", open, []string{"UDP53", "TCP53", "TCP443"})
	if !strings.HasPrefix(value("source"), "https://") || strings.Count(value("source"), ":") > 1 {
		t.Errorf("the policy does not let the driver reach %s", value("source"))
	}
	if limit := driver.Resources.Limits.Memory().Value(); limit < 2*224<<20 { // docs/config.md: memory_mib
		t.Errorf("the driver is ended at %d bytes", limit)
	}
}
