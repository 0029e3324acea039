use super::{Job, Kernel, Scratch, compute};

fn job(kernel: Kernel) -> Job {
    Job {
        kernel,
        samples: 16,
        imbalance: 1.0,
        graph: 0,
    }
}

#[test]
fn names_lead_back_to_kernels() {
    for kernel in Kernel::ALL {
        assert_eq!(kernel.name().parse(), Ok(kernel));
    }
    let error = "dgemm".parse::<Kernel>().unwrap_err().to_string();
    assert!(
        error.contains("`dgemm`") && error.contains("busy_wait"),
        "{error}"
    );
}

#[test]
fn operations_are_counted_as_the_field_counts_them() {
    assert_eq!(job(Kernel::ComputeBound).flops(0, 3, 4), 64);
    assert_eq!(job(Kernel::ComputeBound).flops(1024, 3, 4), 131_136);
    for kernel in [Kernel::Empty, Kernel::BusyWait, Kernel::MemoryBound] {
        assert_eq!(job(kernel).flops(1024, 3, 4), 0);
    }
    assert_eq!(job(Kernel::MemoryBound).bytes(32, 4096), 8192);
    assert_eq!(job(Kernel::ComputeBound).bytes(32, 4096), 0);
}

#[test]
fn uneven_tasks_lie_within_their_bounds_and_even_out() {
    let job = job(Kernel::LoadImbalance);
    let counts: Vec<u64> = (0..1000).map(|step| job.uneven(1000, step, 3)).collect();
    assert!(counts.iter().all(|count| (500..=1500).contains(count)));
    assert!(counts.iter().any(|&count| count < 600) && counts.iter().any(|&count| count > 1400));
    let mean = counts.iter().sum::<u64>() / 1000;
    assert!((950..1050).contains(&mean), "{mean}");
    let even = Job {
        imbalance: 0.0,
        ..job
    };
    assert_eq!(even.uneven(1000, 1, 1), 1000);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn both_forms_of_arithmetic_agree() {
    if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
        return;
    }
    for iterations in [0, 1, 2, 10, 1000] {
        // SAFETY: AVX2 and FMA were found above.
        let fused = unsafe { compute::fused(iterations) };
        let plain = compute::portable(iterations);
        // One rounds less often than the other.
        assert!((fused - plain).abs() < 1e-9, "{fused} {plain}");
        assert!(fused < 0.0 && fused.is_normal());
    }
}

#[test]
fn numbers_stay_ordinary_for_long() {
    let sum = compute::portable(1_000_000);
    assert!(sum.is_normal() && (-1e-2..0.0).contains(&sum), "{sum}");
}

#[test]
fn copies_go_round_the_samples() {
    let mut scratch = Scratch::new(16 * 4);
    assert!(scratch.is_intact());
    for (at, word) in scratch.words().iter_mut().enumerate() {
        *word = at as u64;
    }
    // Step 1 of three iterations a step starts at sample 3, then comes to 0 and 1.
    scratch.copy(1, 3, 4);
    assert_eq!(scratch.words(), [0, 0, 2, 2, 4, 5, 6, 6]);
    assert!(!scratch.is_intact());
}
