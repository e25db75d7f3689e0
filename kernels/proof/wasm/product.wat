;; The inner loop of the verifier: entries of A and B from their factors, and their product, four values of k at once.
;; All numbers are integers that float32 holds exactly: factors below 509, sums of products below 2^20, the product
;; below 2^22. Remainders are taken without a division, by the same floor as on the device (kernels/README.md).
;;
;; Memory: eight planes of n floats, V_A[k][0..3] and U_B[k][0..3], then whatever the caller puts behind them.
;; n is a multiple of 4, all addresses are multiples of 16. Rebuilt by kernels/proof/wasm/build.mjs.
(module
  (memory (export "memory") 20)

  ;; ((u · plane[k]) mod 509) mod 16 − 8 for four k; the four factors of u come as splat vectors.
  (func $map (param $u0 v128) (param $u1 v128) (param $u2 v128) (param $u3 v128)
             (param $at i32) (param $plane i32) (result v128)
    (local $x v128)
    (local.set $x
      (f32x4.add
        (f32x4.add
          (f32x4.mul (local.get $u0) (v128.load (local.get $at)))
          (f32x4.mul (local.get $u1) (v128.load (i32.add (local.get $at) (local.get $plane)))))
        (f32x4.add
          (f32x4.mul (local.get $u2)
            (v128.load (i32.add (local.get $at) (i32.shl (local.get $plane) (i32.const 1)))))
          (f32x4.mul (local.get $u3)
            (v128.load (i32.add (local.get $at) (i32.mul (local.get $plane) (i32.const 3))))))))
    (local.set $x
      (f32x4.sub (local.get $x)
        (f32x4.mul (v128.const f32x4 509 509 509 509)
          (f32x4.floor
            (f32x4.mul
              (f32x4.add (local.get $x) (v128.const f32x4 0.5 0.5 0.5 0.5))
              ;; 1/509 rounded to float32
              (v128.const f32x4 0x1.018244p-9 0x1.018244p-9 0x1.018244p-9 0x1.018244p-9))))))
    (f32x4.sub
      (f32x4.sub (local.get $x)
        (f32x4.mul (v128.const f32x4 16 16 16 16)
          (f32x4.floor (f32x4.mul (local.get $x) (v128.const f32x4 0.0625 0.0625 0.0625 0.0625)))))
      (v128.const f32x4 8 8 8 8)))

  ;; A(i, k) for all k: factors of the row at $u (4 floats), planes of V_A at $planes, n floats to $out.
  (func (export "expand") (param $u i32) (param $planes i32) (param $out i32) (param $n i32)
    (local $u0 v128) (local $u1 v128) (local $u2 v128) (local $u3 v128) (local $end i32) (local $plane i32)
    (local.set $u0 (v128.load32_splat (local.get $u)))
    (local.set $u1 (v128.load32_splat offset=4 (local.get $u)))
    (local.set $u2 (v128.load32_splat offset=8 (local.get $u)))
    (local.set $u3 (v128.load32_splat offset=12 (local.get $u)))
    (local.set $plane (i32.shl (local.get $n) (i32.const 2)))
    (local.set $end (i32.add (local.get $planes) (local.get $plane)))
    (loop $next
      (v128.store (local.get $out)
        (call $map (local.get $u0) (local.get $u1) (local.get $u2) (local.get $u3)
                   (local.get $planes) (local.get $plane)))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (local.set $planes (i32.add (local.get $planes) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $planes) (local.get $end)))))

  ;; C(i, j) = Σ_k A(i, k) · B(k, j): the row of A at $a, factors of the column at $v, planes of U_B at $planes.
  (func (export "multiply") (param $v i32) (param $planes i32) (param $a i32) (param $n i32) (result f32)
    (local $v0 v128) (local $v1 v128) (local $v2 v128) (local $v3 v128) (local $end i32) (local $plane i32)
    (local $sum v128)
    (local.set $v0 (v128.load32_splat (local.get $v)))
    (local.set $v1 (v128.load32_splat offset=4 (local.get $v)))
    (local.set $v2 (v128.load32_splat offset=8 (local.get $v)))
    (local.set $v3 (v128.load32_splat offset=12 (local.get $v)))
    (local.set $plane (i32.shl (local.get $n) (i32.const 2)))
    (local.set $end (i32.add (local.get $planes) (local.get $plane)))
    (loop $next
      (local.set $sum
        (f32x4.add (local.get $sum)
          (f32x4.mul (v128.load (local.get $a))
            (call $map (local.get $v0) (local.get $v1) (local.get $v2) (local.get $v3)
                       (local.get $planes) (local.get $plane)))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $planes (i32.add (local.get $planes) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $planes) (local.get $end))))
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $sum)) (f32x4.extract_lane 1 (local.get $sum)))
      (f32.add (f32x4.extract_lane 2 (local.get $sum)) (f32x4.extract_lane 3 (local.get $sum)))))
)
