// SPDX-FileCopyrightText: Copyright (c) 2026 The sigdriver authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// TestKubernetes reads the manifests as the API's types, strictly, and holds what keeps
// the driver apart from the gateway.
func TestKubernetes(t *testing.T) {
	var set appsv1.StatefulSet
	if err := yaml.UnmarshalStrict(read(t, "kubernetes/driver.yaml"), &set); err != nil {
		t.Fatal(err)
	}
	var policy networkingv1.NetworkPolicy
	if err := yaml.UnmarshalStrict(read(t, "kubernetes/networkpolicy.yaml"), &policy); err != nil || len(policy.Spec.Egress) == 0 {
		t.Fatal(err)
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
