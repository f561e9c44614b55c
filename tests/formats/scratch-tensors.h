/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* scratch-tensors.h - small .safetensors files for tests. */
#ifndef DIF_TESTS_SCRATCH_TENSORS_H
#define DIF_TESTS_SCRATCH_TENSORS_H

#include "formats/safetensors.h"
#include "formats/scratch.h"

G_BEGIN_DECLS

/** Tensor: a small one. */
typedef struct
{
  const char *name;
  DifShape    shape;
  float       values[16];
} Tensor;

/** ZERO: a tensor of zeros. */
#define ZERO(name, ...) { name, DIF_SHAPE (__VA_ARGS__), { 0 } }

/** write_file: a file of @tensors inside @folder; free the path. */
static inline char *
write_file (const char *folder, const char *name, const Tensor *tensors, guint n)
{
  char                            *path  = scratch_path (folder, name);
  g_autoptr (DifSafetensorsWriter) w     = dif_safetensors_writer_new ();
  GError                          *error = NULL;

  for (guint i = 0; i < n; i++)
    dif_safetensors_writer_declare (w, tensors[i].name, DIF_F32, &tensors[i].shape);
  g_assert_true (dif_safetensors_writer_open (w, path, &error));
  for (guint i = 0; i < n; i++)
    {
      gsize bytes;

      g_assert_true (dif_shape_bytes (&tensors[i].shape, DIF_F32, &bytes));
      g_assert_cmpuint (bytes, <=, sizeof tensors[i].values);
      g_assert_true (dif_safetensors_writer_put (w, tensors[i].values, bytes, &error));
    }
  g_assert_true (dif_safetensors_writer_close (w, &error));
  return path;
}

G_END_DECLS

#endif /* DIF_TESTS_SCRATCH_TENSORS_H */
