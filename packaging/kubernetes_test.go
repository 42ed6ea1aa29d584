// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
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
